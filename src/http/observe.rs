//! A request id, a span and one log line for each request.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{answer::Quiet, health};
use crate::{
    auth::RequestId,
    trace::{self, SpanKind, attribute},
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs method, path, status and the time to the response's head. Never headers, never the query.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = RequestId::random();
    request.extensions_mut().insert(id);
    let path = request.uri().path().to_owned();
    let probe = path == health::LIVE || path == health::READY;
    let traced = if probe { trace::Span::NONE } else { begun(&request) };
    request.extensions_mut().insert(traced.clone());
    // Fields with `?` are Debug-formatted, which escapes what a client could smuggle into a log.
    let span = tracing::info_span!(
        "http",
        request_id = %id,
        method = ?request.method(),
        path = ?path,
        caller = Empty,
        trace_id = Empty,
        span_id = Empty
    );
    if let Some((trace_id, span_id)) = traced.ids() {
        span.record("trace_id", trace_id).record("span_id", span_id);
    }
    let work = async move {
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
    };
    let conclude = |span: &trace::Span, response: &Response| {
        let status = response.status();
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.fail(status.as_str());
        }
    };
    traced.within(work.instrument(span), conclude).await
}

/// The request's span, below the client's if it sent one. Its name is one of few, whatever the client asks for.
fn begun(request: &Request) -> trace::Span {
    let client = trace::remote(|name| request.headers().get(name)?.to_str().ok());
    let route = ["/mcp", "/sse", "/messages"]
        .into_iter()
        .find(|r| *r == request.uri().path());
    let method = ["GET", "POST", "DELETE"]
        .into_iter()
        .find(|m| *m == request.method().as_str());
    let method = method.unwrap_or("_OTHER");
    let name = || route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let attributes = || {
        let route = route.map(|route| attribute("http.route", route));
        std::iter::once(attribute("http.request.method", method))
            .chain(route)
            .collect()
    };
    trace::Span::begin(name, SpanKind::Server, client.as_ref(), attributes)
}

/// Names the caller in the current request's span.
pub(super) fn record_caller(caller: &crate::auth::Caller) {
    Span::current().record("caller", caller.name());
}
