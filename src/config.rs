//! Every variable, declared once: the flag, the environment name, the default, the help, the check.

pub mod agentcore;
pub mod aws;
pub mod aws_mcp;
pub mod env;
pub mod http;
pub mod log;
pub mod metrics;
pub mod proxy;
pub mod region;
pub mod state;
pub mod tools;
pub mod traces;
pub mod value;

pub use agentcore::{AgentArn, AgentCoreConfig, SessionMode};
pub use aws::{AwsConfig, AwsLimits, Profiles};
pub use aws_mcp::{AwsMcpConfig, AwsMcpEndpoint};
pub use env::{AccountVariables, ConfigError};
pub use http::{HttpConfig, HttpLimits};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use proxy::{ProxyConfig, ProxyEnvironment, Seconds};
pub use region::Region;
pub use state::StateConfig;
pub use tools::ToolsConfig;
pub use traces::TracesConfig;
pub use value::{Limit, Secret};
