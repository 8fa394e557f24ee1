//! What a kubelet or a load balancer asks. These two routes reveal nothing and need no token.

use axum::{Router, extract::State, routing::get};
use http::StatusCode;

use super::Lifecycle;

/// Lives while the process does.
pub(super) const LIVE: &str = "/healthz";
/// Fails once the process began to end.
pub(super) const READY: &str = "/readyz";

pub(super) fn routes(lifecycle: &Lifecycle) -> Router {
    Router::new()
        .route(LIVE, get(|| async { "ok\n" }))
        .route(READY, get(ready))
        .with_state(lifecycle.clone())
}

async fn ready(State(lifecycle): State<Lifecycle>) -> (StatusCode, &'static str) {
    if lifecycle.draining.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
