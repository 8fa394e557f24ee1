//! Where Prometheus reads the metrics.

use std::net::{IpAddr, SocketAddr};

use super::http::{address, port};

/// The listener of `/metrics`; without METRICS_PORT there is none.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsConfig {
    /// Port of /metrics for Prometheus, such as 9464; without it nothing is counted. It asks for no token: only Prometheus should reach it
    #[arg(long, env = "METRICS_PORT", value_parser = port, value_name = "PORT")]
    pub metrics_port: Option<u16>,

    /// Address of /metrics; without it that of MCP_HOST
    #[arg(long, env = "METRICS_HOST", value_parser = address, value_name = "ADDRESS")]
    pub metrics_host: Option<IpAddr>,
}

impl MetricsConfig {
    /// Where to listen, if at all; `host` is the server's own.
    pub fn address(&self, host: IpAddr) -> Option<SocketAddr> {
        let port = self.metrics_port?;
        Some(SocketAddr::new(self.metrics_host.unwrap_or(host), port))
    }
}
