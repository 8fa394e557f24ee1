//! The claims of this module, each through the whole router.

mod access;
mod admission;
mod allowlist;
mod caps;
mod crowd;
mod limits;
mod logs;
mod mcp;
mod ownership;
mod shutdown;
mod sse;
mod support;

pub(in crate::http) use support::{bare_config, config};
