//! The whole, from outside: the router over the sandbox or another emulator, and the real program.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![recursion_limit = "256"]

mod support;

mod agentcore;
mod agentcore_hosting;
mod answers;
mod catalogue;
mod cli;
mod env_example;
mod every_tool;
mod examples;
mod fan_out;
mod filters;
mod forwarding;
mod iam;
mod identity;
mod leaks;
mod limits;
mod least_privilege;
mod metrics;
mod prompts;
mod proxy;
mod questions;
mod registry;
mod replicas;
mod resources;
mod tidy;
mod tokens;
mod tools;
mod traces;
mod upstream_fixture;
