//! One request from its arrival to its answer: recorded, authenticated, counted, failed on demand, and only then served.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State as Shared},
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
    routing::any,
};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::Value;

use super::{
    MCP, Services,
    auth::authenticate,
    control,
    fault::{self, Fault},
    quota::Place,
    record::Recorded,
    runtime,
    state::{self, Owner, State},
};

/// What the tools tell about the request that reached them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Seen {
    #[serde(flatten)]
    pub(super) owner: Owner,
    /// The `_meta` of the JSON-RPC message, as it was sent.
    #[serde(rename = "_meta")]
    pub(super) meta: Value,
    pub(super) session_id: Option<String>,
    pub(super) protocol_version: Option<String>,
    pub(super) user_agent: Option<String>,
}

impl Seen {
    pub(super) fn new(owner: &Owner, request: &Recorded) -> Self {
        let header = |name: &str| request.header(name).map(str::to_owned);
        Self {
            owner: owner.clone(),
            meta: request.message().pointer("/params/_meta").cloned().unwrap_or_default(),
            session_id: header("mcp-session-id"),
            protocol_version: header("mcp-protocol-version"),
            user_agent: header("user-agent"),
        }
    }
}

pub(super) fn router(services: Services) -> Router {
    Router::new()
        .route(control::PATH, any(control::answer))
        .fallback(answer)
        .with_state(services)
}

/// Another origin. Whoever comes here followed a redirect, and showed a stranger its signature.
pub(super) fn elsewhere(state: Arc<State>) -> Router {
    let answer = async |Shared(state): Shared<Arc<State>>| {
        state.book().redirected += 1;
        StatusCode::GONE
    };
    Router::new().fallback(answer).with_state(state)
}

async fn answer(Shared(services): Shared<Services>, request: Request) -> Response {
    let request = match Recorded::read(request).await {
        Ok(request) => request,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let number = services.state.record(request.clone());
    let response = respond(&services, &request, number).await;
    services.state.answered(number, response.status());
    response
}

async fn respond(services: &Services, request: &Recorded, number: usize) -> Response {
    let path = request.uri.path();
    let service = match path {
        MCP => "aws-mcp",
        _ if path.starts_with(runtime::PREFIX) => "bedrock-agentcore",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let owner = match authenticate(&services.state, request, service).await {
        Ok(owner) => owner,
        Err(refused) => return refused.into_response(),
    };
    services
        .state
        .amend(number, |record| record.account = Some(owner.account.clone()));
    let place = match Place::take(&services.state, &owner.account) {
        Ok(place) => place,
        Err(refused) => return refused.into_response(),
    };
    let fault = services.state.book().faults.next(request);
    let failed = match fault {
        Some(fault) => {
            if let (true, Some(id)) = (fault.ends_session(), request.session_id()) {
                state::lose_session(&services.state, &services.sessions, id).await;
            }
            fault::play(fault, &services.state, request).await
        }
        None => None,
    };
    let response = match failed {
        Some(response) => response,
        None if path == MCP => mcp(services, &owner, request).await,
        None => runtime::answer(services, &owner, request).await,
    };
    let response = match fault {
        Some(Fault::SplitEvents) => fault::split(response).await,
        _ => response,
    };
    // The place is taken until the answer has been read or given up.
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &place;
            frame
        }))
    })
}

async fn mcp(services: &Services, owner: &Owner, request: &Recorded) -> Response {
    let Services { state, sessions, .. } = services;
    if let Some(refusal) = state.options.era.refuse(request, true) {
        return refusal;
    }
    let initialize = request.rpc_method() == "initialize";
    if let Some(id) = request.session_id().filter(|_| !initialize) {
        if !state.owns(owner, id) {
            return (StatusCode::NOT_FOUND, "Not Found: Session not found").into_response();
        }
        if request.method == Method::DELETE {
            state::lose_session(state, sessions, id).await;
            return StatusCode::ACCEPTED.into_response();
        }
    }
    if initialize && let Err(refused) = state.room_for_session(owner) {
        return refused.into_response();
    }
    let response = services.mcp.handle(onward(owner, request)).await;
    if let Some(id) = response.headers().get("mcp-session-id").filter(|_| initialize) {
        let id = String::from_utf8_lossy(id.as_bytes()).into_owned();
        state.book().sessions.insert(id, owner.clone());
    }
    response.map(Body::new)
}

/// The request as rmcp gets it, with what the tools are to know of it.
pub(super) fn onward(owner: &Owner, request: &Recorded) -> http::Request<Body> {
    let mut onward = http::Request::new(Body::from(request.body.clone()));
    *onward.method_mut() = request.method.clone();
    *onward.uri_mut() = request.uri.clone();
    *onward.headers_mut() = request.headers.clone();
    onward.extensions_mut().insert(Seen::new(owner, request));
    onward
}
