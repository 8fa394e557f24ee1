//! EC2: instances, their disks and their firewalls.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = ec2_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
