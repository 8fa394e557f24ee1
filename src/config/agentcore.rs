//! How `proxy --agent-arn` is told what agentcore-mcp-proxy is told.

/// Settings of the proxy to an AgentCore runtime.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "AgentCore runtime")]
pub struct AgentCoreConfig {
    /// ARN of an AgentCore runtime to relay to, instead of an endpoint
    #[arg(long, env = "AGENTCORE_AGENT_ARN", value_name = "ARN")]
    pub agent_arn: Option<String>,
}
