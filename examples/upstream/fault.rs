//! What goes wrong on demand.

use std::{collections::VecDeque, convert::Infallible, io};

use axum::{
    body::{Body, to_bytes},
    http::{
        HeaderValue, Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{Html, IntoResponse as _, Redirect, Response},
};
use bytes::Bytes;
use clap::ValueEnum;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{auth::Refused, era::failure, record::Recorded, state::State};

/// The largest answer that is turned into another.
const ANSWER_LIMIT: usize = 16 << 20;
/// An oversized answer: this many pieces of this many bytes.
const PIECES: usize = 64;
const PIECE: usize = 1 << 20;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The session ends, and its request gets 404.
    SessionGone,
    /// The session ends, and its request gets 200 with JSON-RPC error -30001, as from the AWS MCP Server.
    SessionLost,
    /// 429 with Retry-After.
    Throttled,
    /// 503.
    Unavailable,
    /// No answer at all.
    Hang,
    /// A stream of events that stays empty and open.
    HangStream,
    /// The connection closes before the announced length is reached.
    Truncated,
    /// The connection closes in the midst of an event.
    TruncatedStream,
    /// A stream of events ends as it should, but without the answer.
    EndedStream,
    /// 307 to another origin.
    Redirect,
    /// 401 with a challenge.
    Unauthorized,
    /// 403: the token has expired.
    Expired,
    /// 403: the token is invalid.
    Unrecognized,
    /// 403: a policy denies it.
    Denied,
    /// 502 with a page of HTML.
    Html,
    /// 64 MiB of valid JSON.
    Oversized,
    /// 200 with what isn't JSON.
    Junk,
    /// 200 without a body.
    Empty,
    /// The right answer, as an event whose JSON is spread over several `data:` lines.
    SplitEvents,
    /// 400: `ValidationException`.
    Invalid,
    /// 404: `ResourceNotFoundException`.
    NotFound,
    /// 424: `RuntimeClientError`.
    RuntimeError,
}

impl Fault {
    /// Whether only a request with a session can meet it.
    pub(super) fn ends_session(self) -> bool {
        matches!(self, Self::SessionGone | Self::SessionLost)
    }
}

/// The faults to come.
#[derive(Default)]
pub(super) struct Faults(VecDeque<Plan>);

struct Plan {
    fault: Fault,
    left: usize,
    kind: Option<String>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, count: usize, kind: Option<String>) {
        let left = count;
        self.0.push_back(Plan { fault, left, kind });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first that is meant for a request like this.
    pub(super) fn next(&mut self, request: &Recorded) -> Option<Fault> {
        let method = request.rpc_method();
        let meant = |plan: &&mut Plan| {
            let kind = match plan.kind.as_deref() {
                None => request.method == Method::POST,
                Some(kind) => kind == method || request.method.as_str() == kind,
            };
            kind && plan.left > 0 && (!plan.fault.ends_session() || request.session_id().is_some())
        };
        let plan = self.0.iter_mut().find(meant)?;
        plan.left -= 1;
        let fault = plan.fault;
        self.0.retain(|plan| plan.left > 0);
        Some(fault)
    }
}

/// The answer of a fault. [`Fault::SplitEvents`] changes the right answer instead, and is none here.
pub(super) async fn play(fault: Fault, state: &State, request: &Recorded) -> Option<Response> {
    let id = request.message().get("id").cloned().unwrap_or_default();
    let aws = |status, code, text: &str| Some(Refused::new(status, code, text).into_response());
    match fault {
        Fault::SessionGone => Some((StatusCode::NOT_FOUND, "Not Found: Session not found").into_response()),
        Fault::SessionLost => {
            let error = json!({ "code": -30001, "message": "Session not found or expired" });
            Some(failure(StatusCode::OK, &id, &error))
        }
        Fault::Throttled => Some(Refused::throttled("Rate exceeded").into_response()),
        Fault::Unavailable => aws(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailableException",
            "Service Unavailable",
        ),
        Fault::Hang => std::future::pending().await,
        Fault::HangStream => Some(events(
            Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()),
        )),
        Fault::Truncated => {
            let begun = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":");
            let mut response = json_body(broken(begun));
            response.headers_mut().insert(CONTENT_LENGTH, 4096.into());
            Some(response)
        }
        Fault::TruncatedStream => {
            let begun = format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":");
            Some(events(broken(begun)))
        }
        Fault::EndedStream => Some(events(Body::from(": nothing came of it\n\n"))),
        Fault::Redirect => Some(Redirect::temporary(&state.elsewhere).into_response()),
        Fault::Unauthorized => {
            let challenge = [("www-authenticate", "Bearer")];
            Some((StatusCode::UNAUTHORIZED, challenge, "Unauthorized").into_response())
        }
        Fault::Expired => Some(Refused::expired().into_response()),
        Fault::Unrecognized => Some(Refused::unknown().into_response()),
        Fault::Denied => aws(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            "User is not authorized to perform this action",
        ),
        Fault::Html => {
            let page = Html("<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>");
            Some((StatusCode::BAD_GATEWAY, page).into_response())
        }
        Fault::Oversized => Some(json_body(oversized(&id))),
        Fault::Junk => Some(json_body(Body::from("{\"jsonrpc\": \"2.0\", \"id\": 1, oops"))),
        Fault::Empty => Some(json_body(Body::empty())),
        Fault::SplitEvents => None,
        Fault::Invalid => aws(
            StatusCode::BAD_REQUEST,
            "ValidationException",
            "1 validation error detected",
        ),
        Fault::NotFound => aws(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            "No endpoint or agent found",
        ),
        Fault::RuntimeError => aws(
            StatusCode::FAILED_DEPENDENCY,
            "RuntimeClientError",
            "Received error (500) from runtime. Please check your CloudWatch logs for more information.",
        ),
    }
}

/// The JSON of the answer as one event over several lines, after a comment and with what else the format allows.
pub(super) async fn split(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_LIMIT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let last = data.map(str::trim).rfind(|data| !data.is_empty());
    let message: Value = serde_json::from_str(last.unwrap_or(&text)).unwrap_or_default();
    let mut out = ": first a comment\n\nid: 1\nevent: message\n".to_owned();
    for line in format!("{message:#}").lines() {
        out = out + "data: " + line + "\r\n";
    }
    out += "\n";
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Response::from_parts(parts, Body::from(out))
}

fn events(body: Body) -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn json_body(body: Body) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body that stops with an error, whereupon hyper closes the connection.
fn broken(begun: String) -> Body {
    let end = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    // What came before the error must have been written, or it would be lost with it.
    let pieces = stream::iter([Ok(Bytes::from(begun)), end]).then(async |piece| {
        tokio::task::yield_now().await;
        piece
    });
    Body::from_stream(pieces)
}

fn oversized(id: &Value) -> Body {
    let head = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"padding\":\"");
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let pieces = stream::once(async move { Bytes::from(head) })
        .chain(stream::repeat(piece).take(PIECES))
        .chain(stream::once(async { Bytes::from_static(b"\"}}") }));
    Body::from_stream(pieces.map(Ok::<_, Infallible>))
}
