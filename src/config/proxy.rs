//! How `proxy ENDPOINT` is told what mcp-proxy-for-aws is told.

/// Settings of the proxy to a SigV4 MCP endpoint.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Endpoint")]
pub struct ProxyConfig {
    /// URL of the MCP server, such as https://aws-mcp.us-east-1.api.aws/mcp
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
}
