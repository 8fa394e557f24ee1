//! InvokeAgentRuntime: the JSON-RPC message goes to the MCP server in the runtime, word for word, and its answer comes back.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header::ACCEPT},
    response::{IntoResponse as _, Response},
};
use rmcp::model::ErrorCode;
use serde_json::json;

use super::{RUNTIME_ARN, Services, auth::Refused, door, era::failure, record::Recorded, state::Owner};

/// The beginning of every runtime's path.
pub(super) const PREFIX: &str = "/runtimes/";
const SUFFIX: &str = "/invocations";
/// The header that says which machine is meant.
const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
/// How long its value may be.
const LENGTH: std::ops::RangeInclusive<usize> = 33..=256;

/// The path that a runtime is invoked at.
pub(super) fn path_of(arn: &str) -> String {
    let arn = arn.replace('%', "%25").replace(':', "%3A").replace('/', "%2F");
    format!("{PREFIX}{arn}{SUFFIX}")
}

pub(super) async fn answer(services: &Services, owner: &Owner, request: &Recorded) -> Response {
    let state = &services.state;
    if request.method != Method::POST || request.uri.path() != path_of(RUNTIME_ARN) {
        let text = format!("No endpoint or agent found with qualifier and ARN at {}", request.uri);
        return Refused::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", text).into_response();
    }
    let session = match request.headers.get(SESSION) {
        Some(value) if LENGTH.contains(&value.len()) => value.clone(),
        Some(value) => {
            let text = format!(
                "1 validation error detected: Value {value:?} at 'runtimeSessionId' failed to satisfy constraint: \
                 Member must have length between {} and {}",
                LENGTH.start(),
                LENGTH.end()
            );
            return Refused::new(StatusCode::BAD_REQUEST, "ValidationException", text).into_response();
        }
        // AWS makes one up, as here: it says so in the answer.
        None => made_up(),
    };
    let mut response = match state.options.era.refuse(request, false) {
        Some(refusal) => refusal,
        None => in_session(services, owner, request, &session).await,
    };
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let text = format!(
            "Received error ({}) from runtime. Please check your CloudWatch logs for more information.",
            status.as_u16()
        );
        response = Refused::new(StatusCode::FAILED_DEPENDENCY, "RuntimeClientError", text).into_response();
    }
    response.headers_mut().insert(SESSION, session);
    response
}

fn made_up() -> HeaderValue {
    let id = uuid::Uuid::new_v4().to_string();
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("made-up"))
}

async fn in_session(services: &Services, owner: &Owner, request: &Recorded, session: &HeaderValue) -> Response {
    let method = request.rpc_method();
    let session = String::from_utf8_lossy(session.as_bytes()).into_owned();
    let stream = {
        let mut book = services.state.book();
        if method == "notifications/initialized" {
            book.initialized.insert(session.clone());
        }
        let early = book.needs_initialize && !book.initialized.contains(&session);
        if early && method != "initialize" {
            let id = request.message().get("id").cloned().unwrap_or_default();
            let error = json!({
                "code": ErrorCode::INVALID_PARAMS.0, "message": "Invalid request parameters", "data": "",
            });
            return failure(StatusCode::OK, &id, &error);
        }
        book.stream
    };
    let mut onward = door::onward(owner, request);
    onward
        .headers_mut()
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json, text/event-stream"));
    let service = if stream { &services.stream } else { &services.json };
    service.handle(onward).await.map(Body::new)
}
