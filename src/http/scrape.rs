//! `/metrics`, on a port of its own: it has no token, and the port that clients reach answers nobody without one.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::any,
};
use http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Lifecycle, answer, listen};
use crate::{
    config::{http::HttpLimits, value::Limit},
    metrics,
};

/// Prometheus's text format.
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// What a scrape under way gets to end, once the server has ended.
const GRACE: Duration = Duration::from_secs(1);

/// The listener of `/metrics`. It ends after the server, so that the last calls are still counted where somebody looks.
pub struct Scrapes {
    ending: CancellationToken,
    listening: JoinHandle<()>,
}

/// Answers scrapes on `listener` until [`Scrapes::end`].
pub fn scrapes(listener: TcpListener, limits: &HttpLimits) -> Scrapes {
    let ending = CancellationToken::new();
    let lifecycle = Lifecycle::new(ending.clone());
    let mut limits = limits.clone();
    limits.shutdown_drain = Limit::Off;
    limits.shutdown_grace = Limit::At(GRACE);
    let listen = async move {
        if let Err(error) = listen(listener, routes(), &limits, &lifecycle).await {
            tracing::error!(%error, "the listener of /metrics failed");
        }
    };
    // The span tells its lines from those of the server's own listener.
    let listening = tokio::spawn(listen.instrument(tracing::info_span!("metrics")));
    Scrapes { ending, listening }
}

impl Scrapes {
    /// Ends the listener.
    pub async fn end(self) {
        self.ending.cancel();
        // It logs why it failed, if it did.
        let _ = self.listening.await;
    }
}

fn routes() -> Router {
    Router::new()
        .route("/metrics", any(scrape))
        .fallback(|| async { answer::text(StatusCode::NOT_FOUND, "nothing here but /metrics") })
}

async fn scrape(request: Request) -> Response {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return answer::method_not_allowed("GET, HEAD");
    }
    match metrics::current().map(metrics::Metrics::text) {
        Some(Ok(text)) => ([(CONTENT_TYPE, FORMAT)], text).into_response(),
        Some(Err(error)) => {
            tracing::error!(%error, "the metrics can't be written");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics can't be written")
        }
        None => answer::text(StatusCode::NOT_FOUND, "nothing is counted"),
    }
}
