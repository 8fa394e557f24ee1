//! The claims of this module, each through the whole router.

mod access;
mod support;
