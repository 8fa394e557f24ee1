//! MCP servers at AWS, asked with signed requests: the managed AWS MCP Server, AgentCore, and any other that takes SigV4.

pub mod agentcore;
pub mod endpoint;
pub mod error;
pub mod forward;
pub mod keys;
pub mod listing;
pub mod proxy;
pub mod relayed;
pub mod sender;
pub mod session;
pub mod streamable;

pub use endpoint::Endpoint;
pub use error::UpstreamError;
pub use forward::{Forwarded, Forwarder};
pub use keys::Keys;
pub use listing::{Definition, Definitions};
pub use sender::{Patience, Sender};
pub use session::Session;
pub use streamable::SignedClient;
