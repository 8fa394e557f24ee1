//! How `proxy --agent-arn` is told what agentcore-mcp-proxy is told.

mod arn;

use std::time::Duration;

use clap::ValueEnum;

use super::value::{Limit, duration_limit};

pub use arn::{AgentArn, qualifier};

/// Settings of the proxy to an AgentCore runtime.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "AgentCore runtime")]
pub struct AgentCoreConfig {
    /// ARN of an AgentCore runtime, or of one of its endpoints, to relay to, instead of an ENDPOINT
    #[arg(long, env = "AGENTCORE_AGENT_ARN", value_name = "ARN")]
    pub agent_arn: Option<AgentArn>,

    /// Another name of the same, which agentcore-mcp-proxy has too
    #[arg(long, env = "AGENT_ARN", value_name = "ARN", hide = true)]
    pub agent_arn_fallback: Option<AgentArn>,

    /// Endpoint of the runtime; without it the ARN's, else DEFAULT
    #[arg(long, env = "AGENTCORE_QUALIFIER", value_name = "NAME", value_parser = qualifier)]
    pub qualifier: Option<String>,

    /// Role to assume first; its session may do nothing but invoke this runtime
    #[arg(long, env = "AGENTCORE_ASSUME_ROLE_ARN", value_name = "ARN")]
    pub assume_role_arn: Option<String>,

    /// What CloudTrail calls that session
    #[arg(long, env = "AGENTCORE_ASSUME_ROLE_SESSION_NAME", value_name = "NAME", default_value = "mcpAgentCoreProxy",
        value_parser = session_name)]
    pub assume_role_session_name: String,

    /// Which runtime session requests go to: `identity`: one for each AWS identity, `session`: one for each start of the proxy,
    /// `request`: a new one each time
    #[arg(
        long,
        env = "RUNTIME_SESSION_MODE",
        value_name = "MODE",
        default_value = "identity",
        ignore_case = true
    )]
    pub session_mode: SessionMode,

    /// Whether Mcp-Session-Id is sent beside the runtime session's id
    #[arg(long, env = "AGENTCORE_MCP_SESSION_ID", value_name = "on|off", default_value = "off",
        value_parser = super::value::on_off, action = clap::ArgAction::Set)]
    pub mcp_session_id: bool,

    /// Time for the runtime's answer to begin, and for each further piece of it: seconds, a time such as 5m, or `off`
    #[arg(long, env = "AGENTCORE_READ_TIMEOUT", value_name = "TIME", default_value = "300", value_parser = seconds_limit)]
    pub agentcore_read_timeout: Limit<Duration>,

    /// Time to connect to the runtime's endpoint: seconds, a time such as 5s, or `off`
    #[arg(long, env = "AGENTCORE_CONNECT_TIMEOUT", value_name = "TIME", default_value = "10", value_parser = seconds_limit)]
    pub agentcore_connect_timeout: Limit<Duration>,

    /// Where AgentCore is, instead of `https://bedrock-agentcore.REGION.amazonaws.com`, such as a private endpoint
    #[arg(long, env = "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", value_name = "URL")]
    pub agentcore_endpoint_url: Option<String>,
}

impl AgentCoreConfig {
    /// The runtime that is meant, if one is.
    pub fn arn(&self) -> Option<&AgentArn> {
        self.agent_arn.as_ref().or(self.agent_arn_fallback.as_ref())
    }
}

/// Which runtime session, and with it which microVM, requests go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SessionMode {
    /// The same for every proxy of one AWS identity.
    Identity,
    /// One for each start of the proxy.
    Session,
    /// A new one for each request.
    Request,
}

/// A RoleSessionName. Source: STS, AssumeRole.
fn session_name(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&text.len()) && text.chars().all(fine) {
        Ok(text.to_owned())
    } else {
        Err("expected 2 to 64 letters, digits and _+=,.@-".to_owned())
    }
}

/// Bare numbers are seconds, as agentcore-mcp-proxy reads them.
fn seconds_limit(text: &str) -> Result<Limit<Duration>, String> {
    let bare = text.trim();
    let digits = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
    if digits {
        duration_limit(&format!("{bare}s"))
    } else {
        duration_limit(bare)
    }
    .map_err(|_| "expected seconds such as 300, a time such as 5m, or `off`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_unless_they_say_otherwise() {
        let at = |seconds| Ok(Limit::At(Duration::from_secs(seconds)));
        assert_eq!(seconds_limit("300"), at(300));
        assert_eq!(seconds_limit("5m"), at(300));
        assert_eq!(seconds_limit("off"), Ok(Limit::Off));
        for wrong in ["", "0", "-1", "1.5", "soon", "99999999999999999999"] {
            assert!(seconds_limit(wrong).unwrap_err().contains("such as 300"), "{wrong}");
        }
    }

    #[test]
    fn session_names_are_those_of_sts() {
        assert!(session_name("mcpAgentCoreProxy").is_ok());
        assert!(session_name(&"x".repeat(64)).is_ok());
        for wrong in ["", "x", "a b", "ä1", &"x".repeat(65)] {
            assert!(session_name(wrong).is_err(), "{wrong}");
        }
    }
}
