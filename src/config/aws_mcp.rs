//! Whether and how calls are forwarded to the managed AWS MCP Server.

use std::{str::FromStr, time::Duration};

use super::value::{Limit, count_limit, duration_limit};

/// Forwarding: the toolset `aws`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Forwarding to the AWS MCP Server")]
pub struct AwsMcpConfig {
    /// `nearest`: the AWS MCP Server nearest to each call's region; `off`; or one server's URL. Without it nearest, but off where AWS_ENDPOINT_URL is set
    #[arg(long, env = "AWS_MCP_ENDPOINT", value_name = "nearest|off|URL")]
    pub aws_mcp_endpoint: Option<AwsMcpEndpoint>,

    /// How often the server's tools are listed
    #[arg(long, env = "AWS_MCP_REFRESH", default_value = "10m", value_parser = duration_limit)]
    pub aws_mcp_refresh: Limit<Duration>,

    /// The only forwarded tools that are offered, each only while its definition has this SHA-256 (`aws-ops-mcp tools --forwarded` prints them)
    #[arg(long, env = "AWS_MCP_PINS", value_delimiter = ',', value_name = "TOOL=SHA256,…", value_parser = pin)]
    pub aws_mcp_pins: Vec<(String, String)>,

    /// Time one forwarded call may take
    #[arg(long, env = "AWS_MCP_TIMEOUT", default_value = "120s", value_parser = duration_limit)]
    pub aws_mcp_timeout: Limit<Duration>,

    /// Requests a second to the server from each account; AWS allows 3
    #[arg(long, env = "AWS_MCP_RATE", default_value = "3", value_parser = count_limit)]
    pub aws_mcp_rate: Limit<usize>,
}

/// Where calls are forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsMcpEndpoint {
    /// The server in the region, or the one nearest to it.
    Nearest,
    /// Nowhere.
    Off,
    /// This server, whatever the region.
    Url(String),
}

impl FromStr for AwsMcpEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nearest" | "on" => Ok(Self::Nearest),
            "off" => Ok(Self::Off),
            url if url.contains("://") => Ok(Self::Url(url.to_owned())),
            _ => Err("expected `nearest`, `off` or a URL such as https://aws-mcp.us-east-1.api.aws/mcp".to_owned()),
        }
    }
}

/// A tool and its definition's SHA-256.
fn pin(text: &str) -> Result<(String, String), String> {
    let parts = text.trim().split_once('=');
    let fine = parts
        .filter(|(name, hash)| !name.is_empty() && hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()));
    let (name, hash) =
        fine.ok_or_else(|| "expected a tool and its SHA-256, such as aws___run_script=9f86d0…".to_owned())?;
    Ok((name.to_owned(), hash.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_pins() {
        assert_eq!("nearest".parse(), Ok(AwsMcpEndpoint::Nearest));
        assert_eq!("off".parse(), Ok(AwsMcpEndpoint::Off));
        assert_eq!("http://x".parse(), Ok(AwsMcpEndpoint::Url("http://x".to_owned())));
        assert!("never".parse::<AwsMcpEndpoint>().unwrap_err().contains("`nearest`"));
        let hash = "A".repeat(64);
        assert_eq!(pin(&format!(" t={hash}")), Ok(("t".to_owned(), "a".repeat(64))));
        for wrong in ["t", "t=12", &format!("={hash}")] {
            assert!(pin(wrong).is_err(), "{wrong}");
        }
    }
}
