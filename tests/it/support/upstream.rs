//! The stand-in for AWS's managed MCP endpoints, in process.

#[path = "../../../examples/upstream/upstream.rs"]
mod fixture;

pub(crate) use fixture::{Caller, Era, Fault, Options, Quotas, RUNTIME_ARN, Upstream, signers_of};
