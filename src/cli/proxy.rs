//! `proxy`: a local stdio MCP server that signs and relays, to an endpoint or to an AgentCore runtime.

mod agentcore;
mod endpoint;
mod smoke;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::config::{AgentCoreConfig, ProxyConfig};

/// Arguments of `proxy`.
#[derive(Debug, Args)]
#[command(infer_long_args = true, args_conflicts_with_subcommands = true)]
pub(super) struct Proxy {
    #[command(subcommand)]
    instead: Option<Instead>,

    #[command(flatten)]
    target: Target,
}

/// What to relay to.
#[derive(Debug, Args)]
struct Target {
    #[command(flatten)]
    endpoint: ProxyConfig,

    #[command(flatten)]
    agentcore: AgentCoreConfig,
}

/// What to do instead of relaying.
#[derive(Debug, Subcommand)]
enum Instead {
    /// Connect, list the tools, call those that only read and need no argument, and print what came of it
    #[command(infer_long_args = true)]
    Smoke(Box<Target>),
}

impl Proxy {
    /// The log's level where nothing names one. Who comes from mcp-proxy-for-aws is used to hearing of errors alone.
    pub(super) fn log_level(&self) -> &'static str {
        let endpoint = &self.target.endpoint;
        let relays_to_runtime = self.instead.is_none() && endpoint.endpoint.is_none() && !endpoint.swallowed_endpoint();
        if relays_to_runtime { "info" } else { "error" }
    }

    pub(super) async fn run(self) -> Result<ExitCode> {
        if let Some(Instead::Smoke(target)) = self.instead {
            let Target { endpoint, agentcore } = *target;
            return smoke::run(endpoint, agentcore).await;
        }
        let Target { endpoint, agentcore } = self.target;
        if endpoint.endpoint.is_some() || endpoint.swallowed_endpoint() {
            return endpoint::run(endpoint).await;
        }
        if agentcore.arn().is_some() {
            return agentcore::run(agentcore).await;
        }
        bail!("name an ENDPOINT, or an AgentCore runtime with --agent-arn (AGENTCORE_AGENT_ARN)")
    }
}
