//! Cloud Control API: any resource type, by one set of operations.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = cloud_control_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
