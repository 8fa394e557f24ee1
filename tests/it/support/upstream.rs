//! The stand-in for AWS's managed MCP endpoints, in process.

#[expect(dead_code, reason = "its tests follow")]
#[path = "../../../examples/upstream/upstream.rs"]
mod fixture;

#[expect(unused_imports, reason = "its tests follow")]
pub(crate) use fixture::{Caller, Era, Fault, Options, Quotas, RUNTIME_ARN, Upstream};
