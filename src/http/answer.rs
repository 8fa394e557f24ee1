//! Answers that are not MCP results: each says what to do next, none shows a detail of the inside.

use std::{any::Any, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::{Value, json};

use crate::metrics::{self, Cause};

/// JSON-RPC's code of text that isn't JSON.
pub(super) const PARSE_ERROR: i32 = -32700;
/// JSON-RPC's code of JSON that isn't a request.
pub(super) const INVALID_REQUEST: i32 = -32600;

/// The code of a request that a limit holds up, as other JSON-RPC servers have it.
pub(super) const LIMIT_EXCEEDED: i32 = -32005;

/// The mark of an answer that says no more than others like it have said: it gets no line of its own in the log.
#[derive(Clone, Copy)]
pub(super) struct Quiet;

/// The answer to a request that goes no further. Boxed, because it is large and rare.
pub(super) type Refused = Box<Response>;

/// The last words of what this server answers.
const ROUTES: &str = "MCP is at /mcp (Streamable HTTP) and /sse with /messages (HTTP+SSE)";

pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into() + "\n").into_response()
}

/// A JSON-RPC error with an HTTP status, for a request that never reached the handler.
pub(super) fn rpc_error(status: StatusCode, code: i32, id: Option<&Value>, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    json_body(status, body.to_string())
}

pub(super) fn json_body(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Says when to come again; at least a second, since 0 reads as "at once".
pub(super) fn retry_after(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs_f64().ceil().max(1.0);
    if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.0}")) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

pub(super) fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("this endpoint takes {allow}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// One answer for a session that is unknown and for one of somebody else, so that ids can't be probed.
pub(super) fn unknown_session() -> Response {
    metrics::record(|m| m.rejected(Cause::UnknownSession));
    text(
        StatusCode::NOT_FOUND,
        "unknown session: it ended or never was; initialize again",
    )
}

/// For what would outlast the process.
pub(super) fn shutting_down() -> Response {
    metrics::record(|m| m.rejected(Cause::ShuttingDown));
    text(StatusCode::SERVICE_UNAVAILABLE, "shutting down: connect again")
}

pub(super) async fn unknown_route() -> Response {
    text(StatusCode::NOT_FOUND, format!("nothing here: {ROUTES}"))
}

/// A panic of ours. The panic hook has written the detail to stderr; the client gets none of it.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked");
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal error: see the server's log for this X-Request-Id",
    )
}
