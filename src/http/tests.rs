//! The claims of this module, each through the whole router.

mod access;
mod allowlist;
mod caps;
mod limits;
mod mcp;
mod ownership;
mod shutdown;
mod sockets;
mod sse;
mod support;
