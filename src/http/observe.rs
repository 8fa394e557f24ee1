//! A request id, a span and one log line for each request.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{answer::Quiet, health};
use crate::auth::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs method, path, status and the time to the response's head. Never headers, never the query.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = RequestId::random();
    request.extensions_mut().insert(id);
    let path = request.uri().path();
    let probe = path == health::LIVE || path == health::READY;
    // Fields with `?` are Debug-formatted, which escapes what a client could smuggle into a log.
    let span = tracing::info_span!("http", request_id = %id, method = ?request.method(), path = ?path, caller = Empty);
    async move {
        let start = Instant::now();
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if probe || response.extensions().get::<Quiet>().is_some() {
            tracing::debug!(status, ms, "answered");
        } else {
            tracing::info!(status, ms, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// Names the caller in the current request's span.
pub(super) fn record_caller(caller: &crate::auth::Caller) {
    Span::current().record("caller", caller.name());
}
