//! IAM: roles, users, keys and policies.

use rmcp::tool_router;

use crate::ops::Ops;

#[tool_router(router = iam_tools, vis = "pub(crate)", allow_empty)]
impl Ops {}
