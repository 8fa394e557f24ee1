//! The catalogue: every service's tools. Adding a service adds its file and two lines here.

pub mod accounts;
pub mod route53;
pub mod s3;
pub mod secrets;
pub mod sts;

use rmcp::handler::server::router::tool::ToolRouter;

use crate::ops::Ops;

/// Each toolset's name and tools, in the order in which they are shown.
pub fn toolsets() -> Vec<(&'static str, ToolRouter<Ops>)> {
    vec![
        ("accounts", Ops::accounts_tools()),
        ("sts", Ops::sts_tools()),
        ("secrets", Ops::secrets_tools()),
        ("route53", Ops::route53_tools()),
        ("s3", Ops::s3_tools()),
    ]
}
