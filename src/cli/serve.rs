//! `serve` and `stdio`.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use rmcp::{ServiceExt, model::CallToolRequestParams};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Authenticator, Caller, generate_token},
    config::{ConfigError, HttpConfig, MetricsConfig, Secret, TracesConfig},
    http::{self, Cost, Lifecycle, Scrapes, shutdown_signal},
    metrics,
};

use super::{AwsOptions, collector, print};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    http: HttpConfig,

    #[command(flatten)]
    metrics: MetricsConfig,

    #[command(flatten)]
    traces: TracesConfig,

    #[command(flatten)]
    options: AwsOptions,
}

/// Arguments of `stdio`.
#[derive(Debug, Args)]
pub(super) struct Stdio {
    #[command(flatten)]
    options: AwsOptions,

    #[command(flatten)]
    traces: TracesConfig,
}

impl Serve {
    pub(super) async fn run(mut self) -> Result<ExitCode> {
        self.check_limits()?;
        let traces = collector::start(&self.traces, &self.options.aws)?;
        let scrapes = self.scrapes().await?;
        let made_token = self.sandbox_token()?;
        let auth = Authenticator::from_config(&self.http)?;
        let connected = self.options.connect().await?;
        let (server, _sandbox) = connected.server(None)?;
        // Before anything says that the server is there: who reads that may stop it at once.
        let signalled = shutdown_signal().context("can't wait for signals")?;
        let address = SocketAddr::new(self.http.host, self.http.port);
        let shutdown = CancellationToken::new();
        let lifecycle = Lifecycle::new(shutdown.clone());
        let (accounts, tools) = (
            server.resolver().accounts().workloads().count(),
            server.catalogue().entries().count(),
        );
        // Before anything is said or heard, so that a wrong setting is all that is said.
        let weighed = server.clone();
        let cost_of = move |call: &CallToolRequestParams| match weighed.changes(call) {
            true => Cost::Write,
            false => Cost::Read,
        };
        let serves = server.clone();
        let router = http::router(&self.http, auth, move || serves.clone(), cost_of, &lifecycle)?;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("can't listen on {address} (MCP_HOST, MCP_PORT; port 0 takes a free one)"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        tracing::info!(%address, accounts, tools, sandbox = self.options.is_sandbox(), "listening on /mcp and /sse");
        if self.options.is_sandbox() {
            print(&welcome(
                &self.url(address),
                made_token.as_ref(),
                std::io::stdout().is_terminal(),
            ))?;
        } else if !self.http.host.is_loopback() && self.http.allowed_hosts.is_empty() && self.http.public_url.is_none()
        {
            tracing::warn!(
                "only loopback names are answered: set PUBLIC_URL or ALLOWED_HOSTS to the name that clients use"
            );
        }
        tokio::spawn(async move {
            signalled.await;
            tracing::info!("stopping: finishing the calls in flight");
            shutdown.cancel();
        });
        http::listen(listener, router, &self.http.limits, &lifecycle).await?;
        server.close().await;
        if let Some(scrapes) = scrapes {
            scrapes.end().await;
        }
        if let Some(traces) = traces {
            traces.end().await;
        }
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }

    /// Begins to count and to answer scrapes, if somebody is to scrape.
    async fn scrapes(&self) -> Result<Option<Scrapes>> {
        let Some(address) = self.metrics.address(self.http.host) else {
            return Ok(None);
        };
        metrics::start().context("the metrics can't be made, which is a bug")?;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("can't listen on {address} (METRICS_HOST, METRICS_PORT; port 0 takes a free one)")
        })?;
        let address = listener.local_addr().context("the listener has no address")?;
        tracing::info!(%address, "listening on /metrics, without a token");
        Ok(Some(http::scrapes(listener, &self.http.limits)))
    }

    /// A call that outlives its session would lose its answer while it goes on: dangerous for changes.
    fn check_limits(&self) -> Result<(), ConfigError> {
        let Some(idle) = self.http.limits.session_idle_timeout.get() else {
            return Ok(());
        };
        let limits = [
            (
                "TOOL_TIMEOUT (--tool-timeout)",
                self.options.aws.limits.tool_timeout.get(),
            ),
            (
                "AWS_MCP_TIMEOUT (--aws-mcp-timeout)",
                self.options.aws_mcp.aws_mcp_timeout.get(),
            ),
        ];
        match limits
            .into_iter()
            .find(|(_, limit)| limit.is_none_or(|limit| limit >= idle))
        {
            None => Ok(()),
            Some((name, limit)) => Err(ConfigError::wrong(
                name,
                limit.map_or_else(|| "off".to_owned(), |t| format!("{t:?}")),
                format!("expected less than SESSION_IDLE_TIMEOUT ({idle:?}), or a long call would lose its answer"),
            )),
        }
    }

    /// Where clients find the server: PUBLIC_URL, or where it listens.
    fn url(&self, address: SocketAddr) -> String {
        match &self.http.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
            None => format!("http://{address}"),
        }
    }

    /// The sandbox makes a token where there is none: there is nothing to protect but the habit.
    fn sandbox_token(&mut self) -> Result<Option<Secret>> {
        if !self.options.is_sandbox() || self.http.auth_token.is_some() || self.http.auth_tokens.is_some() {
            return Ok(None);
        }
        let token = generate_token()?;
        self.http.auth_token = Some(token.clone());
        Ok(Some(token))
    }
}

/// What a newcomer needs next: the accounts, the token, and a line for each client.
fn welcome(url: &str, token: Option<&Secret>, colours: bool) -> String {
    let token = token.map_or("$MCP_AUTH_TOKEN", Secret::expose);
    let (bold, plain) = if colours { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let json = format!(
        r#"{{"mcpServers": {{"aws-ops": {{"url": "{url}/mcp", "headers": {{"Authorization": "Bearer {token}"}}}}}}}}"#
    );
    let vscode = format!(
        r#"{{"name": "aws-ops", "type": "http", "url": "{url}/mcp", "headers": {{"Authorization": "Bearer {token}"}}}}"#
    );
    format!(
        r#"
{bold}aws-ops-mcp sandbox{plain}: production, staging and development, in this process. Nothing real is touched.

{bold}Streamable HTTP{plain}  {url}/mcp
{bold}HTTP+SSE{plain}         {url}/sse
{bold}Token{plain}            {token}

{bold}Claude Code{plain}
  claude mcp add --transport http aws-ops {url}/mcp --header "Authorization: Bearer {token}"
{bold}Cursor{plain} (~/.cursor/mcp.json)
  {json}
{bold}VS Code{plain}
  code --add-mcp '{vscode}'
{bold}Inspector{plain}
  npx @modelcontextprotocol/inspector --cli {url}/mcp --transport http \
    --header "Authorization: Bearer {token}" --method tools/call --tool-name list_secrets --tool-arg account=production

Ask: "Which secrets does production have that staging lacks?"   Stop with Ctrl-C.

"#
    )
}

impl Stdio {
    /// Serves one client on standard input and output, as the person who started it.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let traces = collector::start(&self.traces, &self.options.aws)?;
        let signalled = shutdown_signal().context("can't wait for signals")?;
        let connected = self.options.connect().await?;
        let (server, _sandbox) = connected.server(Some(Caller::local()))?;
        let stdin = super::stdin::take().context("can't take standard input")?;
        let session = server
            .clone()
            .serve((stdin, tokio::io::stdout()))
            .await
            .context("the client did not begin an MCP session")?;
        tokio::select! {
            ended = session.waiting() => { ended.context("the session broke off")?; }
            () = signalled => {}
        }
        server.close().await;
        if let Some(traces) = traces {
            traces.end().await;
        }
        Ok(ExitCode::SUCCESS)
    }
}
