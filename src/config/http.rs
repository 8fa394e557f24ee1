//! Where the server listens, who may talk to it, and how much of anything one caller gets.

use std::{net::IpAddr, time::Duration};

use super::{
    state::StateConfig,
    value::{Limit, Secret, bytes_limit, count_limit, duration_limit},
};

/// Address, tokens and allowlists of `serve`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub struct HttpConfig {
    /// Address to listen on. Anything but loopback wants ALLOWED_HOSTS or PUBLIC_URL
    #[arg(long, env = "MCP_HOST", default_value = "127.0.0.1", value_parser = address, value_name = "ADDRESS")]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "MCP_PORT", default_value_t = 8000, value_parser = port)]
    pub port: u16,

    /// Bearer token of the one caller named `default`; at least 128 bits (`openssl rand -hex 32`)
    #[arg(long, env = "MCP_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub auth_token: Option<Secret>,

    /// Bearer tokens of several callers: `alice=TOKEN,ci=TOKEN`. The name is the Caller in logs and CloudTrail; give one name two tokens to rotate
    #[arg(long, env = "MCP_AUTH_TOKENS", hide_env_values = true, value_name = "NAME=TOKEN,…")]
    pub auth_tokens: Option<Secret>,

    /// The address under which clients reach the server, such as `https://aws-ops.example.com`; its host is allowed
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Host headers that are answered, beside loopback names and PUBLIC_URL's: `aws-ops.internal,10.0.0.5:8000`
    #[arg(long, env = "ALLOWED_HOSTS", value_delimiter = ',', value_name = "HOST[:PORT],…")]
    pub allowed_hosts: Vec<String>,

    /// Browser origins that are answered, beside loopback ones and PUBLIC_URL's: `https://app.example.com`
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',', value_name = "ORIGIN,…")]
    pub allowed_origins: Vec<String>,

    /// Addresses of load balancers whose X-Forwarded-For is believed: `10.0.0.0/8,192.0.2.7`
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR,…")]
    pub trusted_proxies: Vec<String>,

    /// Keep no sessions on /mcp: every request stands alone and Mcp-Session-Id is ignored (AgentCore Runtime wants this)
    #[arg(long, env = "MCP_STATELESS")]
    pub stateless: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it; clap would show the text as a heading")]
    pub state: StateConfig,

    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it; clap would show the text as a heading")]
    pub limits: HttpLimits,
}

/// Limits of the HTTP side. Each is lifted with `off`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits (each takes `off`)")]
pub struct HttpLimits {
    /// Largest request body
    #[arg(long, env = "MAX_BODY_BYTES", default_value = "4MiB", value_parser = bytes_limit)]
    pub max_body_bytes: Limit<usize>,

    /// Deepest nesting of a request's JSON
    #[arg(long, env = "MAX_JSON_DEPTH", default_value = "64", value_parser = count_limit)]
    pub max_json_depth: Limit<usize>,

    /// Time a client has to send its request's headers
    #[arg(long, env = "HEADER_READ_TIMEOUT", default_value = "10s", value_parser = duration_limit)]
    pub header_read_timeout: Limit<Duration>,

    /// Time an idle connection is kept for its next request; should exceed the load balancer's idle timeout
    #[arg(long, env = "KEEP_ALIVE_TIMEOUT", default_value = "75s", value_parser = duration_limit)]
    pub keep_alive_timeout: Limit<Duration>,

    /// Time a client has to send its request's body
    #[arg(long, env = "BODY_READ_TIMEOUT", default_value = "30s", value_parser = duration_limit)]
    pub body_read_timeout: Limit<Duration>,

    /// MCP sessions of one caller, /mcp and /sse together
    #[arg(long, env = "MAX_SESSIONS_PER_CALLER", default_value = "20", value_parser = count_limit)]
    pub max_sessions_per_caller: Limit<usize>,

    /// MCP sessions of this process, /mcp and /sse together
    #[arg(long, env = "MAX_SESSIONS", default_value = "1000", value_parser = count_limit)]
    pub max_sessions: Limit<usize>,

    /// A session without messages for this long is closed
    #[arg(long, env = "SESSION_IDLE_TIMEOUT", default_value = "300s", value_parser = duration_limit)]
    pub session_idle_timeout: Limit<Duration>,

    /// How often an open stream gets a comment, so that load balancers keep it
    #[arg(long, env = "SSE_PING", default_value = "15s", value_parser = duration_limit)]
    pub sse_ping: Limit<Duration>,

    /// Failed authentications of one client address in a minute before it gets 429
    #[arg(long, env = "MAX_AUTH_FAILURES", default_value = "10", value_parser = count_limit)]
    pub max_auth_failures: Limit<usize>,

    /// Requests a second of one caller, whichever its tokens, sessions and transports
    #[arg(long, env = "CALLER_RATE", default_value = "10", value_parser = count_limit)]
    pub caller_rate: Limit<usize>,

    /// Requests that a caller who was quiet may send at once; `off`: one second's worth
    #[arg(long, env = "CALLER_BURST", default_value = "20", value_parser = count_limit)]
    pub caller_burst: Limit<usize>,

    /// Calls a second of one caller to tools that change something
    #[arg(long, env = "CALLER_WRITE_RATE", default_value = "1", value_parser = count_limit)]
    pub caller_write_rate: Limit<usize>,

    /// Calls to tools that change something which a caller who was quiet may send at once; `off`: one second's worth
    #[arg(long, env = "CALLER_WRITE_BURST", default_value = "5", value_parser = count_limit)]
    pub caller_write_burst: Limit<usize>,

    /// Requests of one caller in flight
    #[arg(long, env = "MAX_IN_FLIGHT_PER_CALLER", default_value = "16", value_parser = count_limit)]
    pub max_in_flight_per_caller: Limit<usize>,

    /// Requests of this process in flight that change nothing
    #[arg(long, env = "MAX_READS_IN_FLIGHT", default_value = "400", value_parser = count_limit)]
    pub max_reads_in_flight: Limit<usize>,

    /// Calls of this process in flight to tools that change something
    #[arg(long, env = "MAX_WRITES_IN_FLIGHT", default_value = "200", value_parser = count_limit)]
    pub max_writes_in_flight: Limit<usize>,

    /// Time after SIGTERM in which the server still accepts, so that load balancers notice; `off` stops at once
    #[arg(long, env = "SHUTDOWN_DRAIN", default_value = "off", value_parser = duration_limit)]
    pub shutdown_drain: Limit<Duration>,

    /// Time that calls in flight get after that before they are cut
    #[arg(long, env = "SHUTDOWN_GRACE", default_value = "25s", value_parser = duration_limit)]
    pub shutdown_grace: Limit<Duration>,
}

/// How fast a bucket of requests fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Time in which one place comes free.
    pub interval: Duration,
    /// How many places there are.
    pub burst: u32,
}

impl Rate {
    fn new(rate: Limit<usize>, burst: Limit<usize>) -> Option<Self> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let rate = rate.get().map(number)?;
        Some(Self {
            interval: Duration::from_secs(1) / rate.max(1),
            burst: burst.get().map_or(rate, number).max(1),
        })
    }

    /// One of `replicas` equal shares; `None` if there is not one place for each.
    pub fn share(self, replicas: u32) -> Option<Self> {
        let replicas = replicas.max(1);
        Some(Self {
            interval: self.interval * replicas,
            burst: self.burst / replicas,
        })
        .filter(|share| share.burst > 0)
    }
}

impl HttpLimits {
    /// CALLER_RATE and CALLER_BURST; `None` sets no limit.
    pub fn request_rate(&self) -> Option<Rate> {
        Rate::new(self.caller_rate, self.caller_burst)
    }

    /// CALLER_WRITE_RATE and CALLER_WRITE_BURST; `None` sets no limit.
    pub fn write_rate(&self) -> Option<Rate> {
        Rate::new(self.caller_write_rate, self.caller_write_burst)
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1".to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "expected a port number, 0 to 65535".to_owned())
}
