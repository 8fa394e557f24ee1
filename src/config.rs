//! Every variable, declared once: the flag, the environment name, the default, the help, the check.

pub mod http;
pub mod value;

pub use http::{HttpConfig, HttpLimits};
pub use value::{Limit, Secret};
