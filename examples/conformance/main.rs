//! The server that the MCP conformance suite is run against: fixture tools, resources and prompts with the names that the
//! suite asks for, behind this crate's own HTTP stack. `tests/conformance/run.sh` builds, starts and measures it.

#![expect(clippy::print_stdout, reason = "the runner reads the address from stdout")]

mod content;
mod handler;
mod rounds;

use anyhow::Context as _;
use aws_ops_mcp::{
    auth::{Authenticator, generate_token},
    config::http::HttpConfig,
    http::{Cost, Lifecycle, listen, router, shutdown_signal},
};
use axum::{extract::Request, middleware};
use clap::Parser;
use http::{HeaderValue, header::AUTHORIZATION};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    http: HttpConfig,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut config = Cli::parse().http;
    let token = generate_token()?;
    // The suite can't send headers of its own: each request gets the token on its way in, and then meets the real check.
    let header = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
    config.auth_token = Some(token);

    let shutdown = CancellationToken::new();
    let lifecycle = Lifecycle::new(shutdown.clone());
    let auth = Authenticator::from_config(&config)?;
    let fixture = handler::Fixture::new()?;
    let router = router(&config, auth, move || fixture.clone(), |_| Cost::Read, &lifecycle)?;
    let router = router.layer(middleware::map_request(move |mut request: Request| {
        let header = header.clone();
        async move {
            request.headers_mut().insert(AUTHORIZATION, header);
            request
        }
    }));

    let listener = tokio::net::TcpListener::bind((config.host, config.port))
        .await
        .context("no such address")?;
    println!("http://localhost:{}/mcp", listener.local_addr()?.port());
    let signalled = shutdown_signal()?;
    tokio::spawn(async move {
        signalled.await;
        shutdown.cancel();
    });
    Ok(listen(listener, router, &config.limits, &lifecycle).await?)
}
