//! The proxy: an MCP client on one side, a signed connection on the other, and nothing lost in between.

mod calls;
pub mod dial;
pub mod fresh;
pub mod front;
pub mod link;
pub mod relay;
pub mod serve;
pub mod shape;
pub mod texts;
pub mod tools;
pub mod trouble;

pub use dial::{Dial, Dialler};
pub use fresh::FreshKeys;
pub use relay::Relay;
pub use serve::serve;
pub use trouble::Trouble;

use std::time::Duration;

/// How the proxy relays.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profiles, each once, the default first.
    pub profiles: Vec<String>,
    /// Offer only tools that declare themselves read-only.
    pub read_only: bool,
    /// How often a request is sent again that failed in passing.
    pub retries: u32,
    /// How long is waited before the first of these; before each further one it is twice as long.
    pub backoff: Duration,
    /// How long a tool call may take.
    pub tool_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profiles: Vec::new(),
            read_only: false,
            retries: 0,
            backoff: Duration::from_secs(1),
            tool_timeout: None,
        }
    }
}
