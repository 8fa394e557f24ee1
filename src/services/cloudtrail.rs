//! CloudTrail: who did what.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = cloudtrail_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
