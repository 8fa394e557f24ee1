//! AWS Organizations: accounts, units and service control policies.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = organizations_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
