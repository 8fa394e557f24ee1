//! aws-ops-mcp: one MCP server for every AWS account, least privilege for each call.
//!
//! The modules in reading order; a module uses only those below it.

#![recursion_limit = "256"]

pub mod cli;
pub mod http;
pub mod server;
pub mod services;
pub mod ops;
pub mod aws;
pub mod upstream;
pub mod state;
pub mod auth;
pub mod config;
pub mod trace;
pub mod metrics;

#[cfg(feature = "sandbox")]
pub mod sandbox;

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod testing;
