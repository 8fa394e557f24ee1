//! The name of one HTTP request, in the logs, in `X-Request-Id` and in the handler's request parts.

use std::fmt;

use uuid::Uuid;

/// Identifies one HTTP request. Always made here: a client's own id would let it forge log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// As another replica wrote it, which took the request in.
impl std::str::FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
