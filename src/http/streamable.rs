//! `/mcp`: Streamable HTTP of every protocol era, on rmcp's service.
//!
//! 2026-07-28 has no sessions. Earlier clients get one with `initialize`; one that sends a request without
//! `Mcp-Session-Id` is served statelessly, as everyone is with MCP_STATELESS.

mod exchange;
mod manager;
mod patience;
mod turns;

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use rmcp::{
    ServerHandler,
    model::{ClientJsonRpcMessage, ClientRequest, ProtocolVersion},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};

use self::{
    exchange::Verdict,
    manager::{Manager, SharedSessions, Store},
};
use super::{
    Lifecycle,
    admission::{Admission, Need, Refusal},
    answer,
    body::{BodyLimits, Message},
    replicas::Replicas,
    sessions::Sessions,
};
use crate::{auth::Caller, config::http::HttpConfig};

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// The two rmcp services, and what decides between them.
pub(super) struct Streamable<H> {
    with_sessions: Option<StreamableHttpService<H, Manager>>,
    stateless: StreamableHttpService<H, NeverSessionManager>,
    admission: Arc<Admission>,
    limits: BodyLimits,
    ping: Option<Duration>,
}

impl<H: ServerHandler> Streamable<H> {
    pub(super) fn new(
        config: &HttpConfig,
        factory: Arc<dyn Fn() -> H + Send + Sync>,
        sessions: Arc<Sessions>,
        admission: Arc<Admission>,
        replicas: Option<&mut Replicas>,
        lifecycle: &Lifecycle,
    ) -> Self {
        // Host, Origin and the body's size are checked before, for every route alike.
        let rmcp = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(usize::MAX)
            .with_json_response(true)
            .with_sse_keep_alive(config.limits.sse_ping.get())
            .with_cancellation_token(lifecycle.over.clone());
        let with_sessions = (!config.stateless).then(|| {
            let shared = replicas
                .as_ref()
                .map(|r| SharedSessions::new(r.state.clone(), r.mailbox.clone(), &config.limits));
            let manager = Manager::new(&config.limits, sessions, lifecycle.stopping.clone(), shared);
            let manager = Arc::new(manager);
            let mut rmcp = rmcp.clone();
            if let Some(ends) = replicas.and_then(|r| r.ends.take()) {
                tokio::spawn(manager::watch(Arc::downgrade(&manager), ends));
                rmcp.session_store = Some(Arc::new(Store(manager.clone())));
            }
            let factory = factory.clone();
            StreamableHttpService::new(move || Ok(factory()), manager, rmcp)
        });
        let stateless = StreamableHttpService::new(
            move || Ok(factory()),
            Arc::new(NeverSessionManager::default()),
            rmcp.with_legacy_session_mode(false),
        );
        Self {
            with_sessions,
            stateless,
            admission,
            limits: BodyLimits::new(&config.limits),
            ping: config.limits.sse_ping.get(),
        }
    }

    pub(super) async fn handle(&self, request: Request) -> Response {
        let Some(caller) = request.extensions().get::<Caller>().cloned() else {
            return answer::text(StatusCode::UNAUTHORIZED, "no caller");
        };
        // Where there are no sessions their ids mean nothing: a platform in front may add its own to the client's.
        if self.with_sessions.is_some() && request.headers().get_all(SESSION_ID).iter().count() > 1 {
            return answer::text(StatusCode::BAD_REQUEST, "send Mcp-Session-Id once");
        }
        match (request.method(), &self.with_sessions) {
            (&Method::POST, _) => match self.limits.read(request).await {
                Ok(message) => self.post(message, caller).await,
                Err(response) => *response,
            },
            (&Method::GET, Some(service)) => match self.admission.open(&caller).await {
                Ok(()) => conclude(exchange::run(caller, service.handle(request)).await),
                Err(refusal) => refusal.answer(),
            },
            (&Method::DELETE, Some(service)) => {
                let mut response = conclude(exchange::run(caller, service.handle(request)).await);
                if response.status() == StatusCode::ACCEPTED {
                    // The session has ended, which 202 leaves open and the Python client takes for a failure.
                    *response.status_mut() = StatusCode::NO_CONTENT;
                }
                response
            }
            (_, Some(_)) => answer::method_not_allowed("GET, POST, DELETE"),
            (_, None) => answer::method_not_allowed("POST"),
        }
    }

    async fn post(&self, message: Message, caller: Caller) -> Response {
        let Message {
            mut parts,
            bytes,
            parsed,
        } = message;
        let in_session = is_initialize(&parsed) || (parts.headers.contains_key(SESSION_ID) && !is_modern(&parts));
        let in_session = in_session && self.with_sessions.is_some();
        let need = if in_session { Need::Session } else { Need::Nothing };
        match self.admission.admit(&caller, &parsed, need).await {
            Ok(admitted) => drop(admitted.map(|admitted| parts.extensions.insert(admitted))),
            Err(refusal) => return refusal.answer(),
        }
        let id = match parsed {
            ClientJsonRpcMessage::Request(request) => Some(request.id),
            _ => None,
        };
        let request = Request::from_parts(parts, Body::from(bytes));
        match &self.with_sessions {
            Some(service) if in_session => conclude(exchange::run(caller, service.handle(request)).await),
            _ => {
                let service = self.stateless.clone();
                let answer = async move { service.handle(request).await.map(Body::new) };
                patience::answer(answer, self.ping, id).await
            }
        }
    }
}

/// Whether the request is of a revision without sessions, whose ids it must ignore. Revisions sort by date.
fn is_modern(parts: &Parts) -> bool {
    let version = parts.headers.get(PROTOCOL_VERSION).and_then(|v| v.to_str().ok());
    version.is_some_and(|v| v >= ProtocolVersion::V_2026_07_28.as_str())
}

fn is_initialize(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, ClientJsonRpcMessage::Request(r) if matches!(r.request, ClientRequest::InitializeRequest(_)))
}

/// rmcp's response, or what the session manager wants answered instead.
fn conclude<B>((response, verdict): (http::Response<B>, Option<Verdict>)) -> Response
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    match verdict {
        None => response.map(Body::new),
        Some(Verdict::Full(full)) => full.answer(),
        Some(Verdict::UnknownSession) => answer::unknown_session(),
        Some(Verdict::NoState) => Refusal::no_state().answer(),
        Some(Verdict::Result(json)) => {
            // The head stays: it holds a new session's id.
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(CACHE_CONTROL);
            parts
                .headers
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Response::from_parts(parts, Body::from(json))
        }
    }
}
