//! The catalogue: every service's tools. Adding a service adds its file and two lines here.

pub mod accounts;
pub mod cloud_control;
pub mod cloudtrail;
pub mod cloudwatch;
#[cfg(feature = "ec2")]
pub mod ec2;
pub mod iam;
pub mod logs;
pub mod organizations;
pub mod route53;
pub mod s3;
pub mod secrets;
pub mod sts;

use rmcp::handler::server::router::tool::ToolRouter;

use crate::ops::Ops;

/// The toolsets of a server whose settings name none. Each tool costs every client context, so the others are chosen by those who
/// want them.
pub const DEFAULT: [&str; 7] = [
    "accounts",
    "sts",
    "cloud_control",
    "cloudwatch",
    "logs",
    "cloudtrail",
    "secrets",
];

/// Each toolset's name and tools, in the order in which they are shown.
pub fn toolsets() -> Vec<(&'static str, ToolRouter<Ops>)> {
    vec![
        ("accounts", Ops::accounts_tools()),
        ("sts", Ops::sts_tools()),
        ("cloud_control", Ops::cloud_control_tools()),
        ("cloudwatch", Ops::cloudwatch_tools()),
        ("logs", Ops::logs_tools()),
        ("cloudtrail", Ops::cloudtrail_tools()),
        ("secrets", Ops::secrets_tools()),
        ("route53", Ops::route53_tools()),
        ("s3", Ops::s3_tools()),
        ("iam", Ops::iam_tools()),
        ("organizations", Ops::organizations_tools()),
        #[cfg(feature = "ec2")]
        ("ec2", Ops::ec2_tools()),
    ]
}
