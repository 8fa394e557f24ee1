//! CloudWatch Logs, by Logs Insights.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = logs_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
