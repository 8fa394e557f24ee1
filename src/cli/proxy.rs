//! `proxy`: a local stdio MCP server that signs and relays, to an endpoint or to an AgentCore runtime.

mod agentcore;
mod endpoint;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::config::{AgentCoreConfig, ProxyConfig};

/// Arguments of `proxy`.
#[derive(Debug, Args)]
pub(super) struct Proxy {
    #[command(flatten)]
    endpoint: ProxyConfig,

    #[command(flatten)]
    agentcore: AgentCoreConfig,
}

impl Proxy {
    pub(super) async fn run(self) -> Result<ExitCode> {
        if self.endpoint.endpoint.is_some() {
            return endpoint::run(self.endpoint).await;
        }
        if self.agentcore.arn().is_some() {
            return agentcore::run(self.agentcore).await;
        }
        bail!("name an ENDPOINT, or an AgentCore runtime with --agent-arn (AGENTCORE_AGENT_ARN)")
    }
}
