//! `proxy`: a local stdio MCP server that signs and relays, to an endpoint or to an AgentCore runtime.

mod agentcore;
mod endpoint;
mod stdin;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::config::{AgentCoreConfig, ProxyConfig};

/// Arguments of `proxy`.
#[derive(Debug, Args)]
#[command(infer_long_args = true)]
pub(super) struct Proxy {
    #[command(flatten)]
    endpoint: ProxyConfig,

    #[command(flatten)]
    agentcore: AgentCoreConfig,
}

impl Proxy {
    pub(super) async fn run(self) -> Result<ExitCode> {
        if self.endpoint.endpoint.is_some() || self.endpoint.swallowed_endpoint() {
            return endpoint::run(self.endpoint).await;
        }
        if self.agentcore.agent_arn.is_some() {
            return agentcore::run(self.agentcore).await;
        }
        bail!("name an ENDPOINT, or an AgentCore runtime with --agent-arn (AGENTCORE_AGENT_ARN)")
    }
}
