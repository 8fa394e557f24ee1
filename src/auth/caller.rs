//! Who is asking. A leaf that every layer may use.

use std::{fmt, sync::Arc};

/// The authenticated caller of one request, made from the bearer token and never from a tool argument.
///
/// It names the session in CloudTrail and owns MCP sessions; two callers never share either.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(Arc<str>);

impl Caller {
    /// A caller of this name. Names come from configuration (`MCP_AUTH_TOKENS`) or are fixed ones.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The caller of a process that one person runs on their own machine (`stdio`, `call`).
    pub fn local() -> Self {
        Self::new("local")
    }

    /// The name, as the logs show it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
