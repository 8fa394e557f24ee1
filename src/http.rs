//! The way in: one router, the layers every request passes, and the listener under them.
//!
//! A request meets, in this order: its request id and log line, Host and Origin, the bearer token, then its transport,
//! which reads the body within limits and counts
//! the request against its caller's. `/healthz` and `/readyz` answer probes without a token.

mod access;
mod admission;
mod allowlist;
mod answer;
mod body;
mod health;
mod lifecycle;
mod listener;
mod observe;
mod scrape;
mod proxies;
mod replicas;
mod sessions;
mod sse;
mod streamable;

use std::{io, sync::Arc};

use axum::{Router, extract::Request, middleware, routing::any};
use rmcp::{ServerHandler, model::CallToolRequestParams};
use tower_http::catch_panic::CatchPanicLayer;

pub use admission::Cost;
pub use lifecycle::Lifecycle;
pub use listener::{Peer, listen, shutdown_signal};
pub use scrape::{Scrapes, scrapes};

use crate::{
    auth::{AuthFailures, Authenticator},
    config::http::HttpConfig,
};

/// Why the server can't be served as configured.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// A variable that can't be read.
    #[error("{variable}: `{value}` {problem}")]
    Config {
        /// The variable.
        variable: &'static str,
        /// What it holds. None of these variables is secret.
        value: String,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },

    /// STATE_URL can't be used. What it holds is not said: it may be a password.
    #[error("STATE_URL: {0}")]
    State(&'static str),

    /// The listener failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Everything that answers, without a socket. `factory` makes the handler of one session or one stateless request; `cost_of` tells
/// what a call of a tool counts as.
pub fn router<H, F>(
    config: &HttpConfig,
    auth: Authenticator,
    factory: F,
    cost_of: impl Fn(&CallToolRequestParams) -> Cost + Send + Sync + 'static,
    lifecycle: &Lifecycle,
) -> Result<Router, HttpError>
where
    H: ServerHandler,
    F: Fn() -> H + Send + Sync + 'static,
{
    let limits = &config.limits;
    let allowlist = Arc::new(allowlist::Allowlist::new(config)?);
    let access = Arc::new(access::Access {
        auth,
        failures: AuthFailures::new(limits.max_auth_failures.get()),
        proxies: proxies::TrustedProxies::new(&config.trusted_proxies)?,
    });
    let sessions = Arc::new(sessions::Sessions::new(
        limits.max_sessions_per_caller.get(),
        limits.max_sessions.get(),
    ));
    let mut replicas = replicas::Replicas::new(&config.state, lifecycle)?;
    let shared = replicas.as_ref().map(|r| r.state.clone());
    let admission = Arc::new(admission::Admission::new(limits, Arc::new(cost_of), shared));
    let factory: Arc<dyn Fn() -> H + Send + Sync> = Arc::new(factory);
    let mcp = Arc::new(streamable::Streamable::new(
        config,
        factory.clone(),
        sessions.clone(),
        admission.clone(),
        replicas.as_mut(),
        lifecycle,
    ));
    let sse = sse::SseServer::new(config, factory, sessions, admission, replicas, lifecycle);
    let messages = sse.clone();

    let guarded = Router::new()
        .route(
            "/mcp",
            any(move |request: Request| async move { mcp.handle(request).await }),
        )
        .route(
            "/sse",
            any(move |request: Request| async move { sse.open(request).await }),
        )
        .route(
            "/messages",
            any(move |request: Request| async move { messages.post(request).await }),
        )
        .fallback(answer::unknown_route)
        .layer(middleware::from_fn_with_state(access, access::authenticate));

    Ok(Router::new()
        .merge(health::routes(lifecycle))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(allowlist, allowlist::check))
        .layer(CatchPanicLayer::custom(answer::panicked))
        .layer(middleware::from_fn(observe::observe)))
}

#[cfg(test)]
mod tests;
