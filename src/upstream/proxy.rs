//! The proxy: an MCP client on one side, a signed connection on the other, and nothing lost in between.

pub mod dial;
pub mod fresh;
pub mod front;
pub mod link;
pub mod relay;
pub mod serve;
pub mod texts;
pub mod tools;
pub mod trouble;

#[cfg(test)]
mod tests;

pub use dial::{Dial, Dialler};
pub use fresh::FreshKeys;
pub use relay::Relay;
pub use serve::serve;
pub use trouble::Trouble;

use std::time::Duration;

/// How the proxy relays.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The profiles, each once, the default first.
    pub profiles: Vec<String>,
    /// Offer only tools that declare themselves read-only.
    pub read_only: bool,
    /// How often a request is sent again that failed in passing.
    pub retries: u32,
    /// How long a tool call may take.
    pub tool_timeout: Option<Duration>,
}
