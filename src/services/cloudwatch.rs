//! CloudWatch: alarms and metrics.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = cloudwatch_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
