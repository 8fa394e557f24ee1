//! The relay to an AgentCore runtime: JSON-RPC lines on one side, signed InvokeAgentRuntime requests on the other.

mod events;
mod fault;
mod identity;
mod ledger;
mod lines;
mod message;
mod relay;
mod runtime;
mod session;

#[cfg(test)]
mod tests;

pub use identity::Acting;
pub use relay::run;
pub use runtime::{Runtime, Settings};
