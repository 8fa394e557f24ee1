//! `/sse` and `/messages`: HTTP+SSE of 2024-11-05, which rmcp no longer has, as a transport for rmcp's server.
//!
//! The open stream is the session. It has no idle time: closing it under a quiet client would lose that client.

mod remote;
mod session;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Query, Request},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::StreamExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, request::Parts};
use rmcp::{
    ServerHandler,
    model::{ClientJsonRpcMessage, GetExtensions as _, JsonRpcMessage, ServerJsonRpcMessage},
    service::serve_server_with_ct,
};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use self::{
    remote::{Remote, Seen, respond},
    session::{CAPACITY, Pending, SseTransport},
};
use super::{
    Lifecycle,
    admission::{Admission, Need, Refusal},
    answer,
    body::{BodyLimits, Message},
    replicas::Replicas,
    sessions::{Sessions, Slot},
};
use crate::{
    auth::Caller,
    config::http::HttpConfig,
    metrics::{self, Held, Transport},
    state::{Outcome, hashed},
};

/// How long a POST waits for a session that is too busy to take it.
const BUSY: Duration = Duration::from_secs(5);
/// Keeps nginx from holding the stream back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The sessions of `/sse`.
pub(super) struct SseServer<H> {
    factory: Arc<dyn Fn() -> H + Send + Sync>,
    sessions: Arc<Sessions>,
    admission: Arc<Admission>,
    open: Arc<Mutex<HashMap<String, Open>>>,
    remote: Option<Arc<Remote>>,
    limits: BodyLimits,
    ping: Option<Duration>,
    lifecycle: Lifecycle,
}

/// The way into a session.
type Way = (mpsc::Sender<ClientJsonRpcMessage>, Arc<Pending>);

/// One session. Dropping it gives back its place.
struct Open {
    slot: Slot,
    incoming: mpsc::Sender<ClientJsonRpcMessage>,
    pending: Arc<Pending>,
    _counted: Held,
    seen: Seen,
}

/// Forgets the session when its stream is dropped, however that came.
struct Forget {
    id: String,
    open: Arc<Mutex<HashMap<String, Open>>>,
}

impl Drop for Forget {
    fn drop(&mut self) {
        // Bound to a name so that it is dropped after the lock is released.
        let ended = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
        drop(ended);
    }
}

#[derive(Deserialize)]
struct SessionQuery {
    #[serde(rename = "sessionId", alias = "session_id")]
    id: String,
}

impl<H: ServerHandler> SseServer<H> {
    pub(super) fn new(
        config: &HttpConfig,
        factory: Arc<dyn Fn() -> H + Send + Sync>,
        sessions: Arc<Sessions>,
        admission: Arc<Admission>,
        replicas: Option<Replicas>,
        lifecycle: &Lifecycle,
    ) -> Arc<Self> {
        let (messages, remote) = replicas.map_or((None, None), |r| {
            let remote = Remote {
                state: r.state,
                mailbox: r.mailbox,
            };
            (r.messages, Some(Arc::new(remote)))
        });
        let server = Arc::new(Self {
            factory,
            sessions,
            admission,
            remote,
            open: Arc::default(),
            limits: BodyLimits::new(&config.limits),
            ping: config.limits.sse_ping.get(),
            lifecycle: lifecycle.clone(),
        });
        if let Some(messages) = messages {
            tokio::spawn(remote::receive(Arc::downgrade(&server), messages));
        }
        server
    }

    /// `GET /sse`: a new session, and the stream that it lives on.
    pub(super) async fn open(&self, request: Request) -> Response {
        if request.method() != Method::GET {
            return answer::method_not_allowed("GET");
        }
        let Some(caller) = request.extensions().get::<Caller>().cloned() else {
            return answer::text(StatusCode::UNAUTHORIZED, "no caller");
        };
        if self.lifecycle.stopping.is_cancelled() {
            return answer::shutting_down();
        }
        if let Err(refusal) = self.admission.open(&caller).await {
            return refusal.answer();
        }
        let slot = match self.sessions.take(&caller) {
            Ok(slot) => slot,
            Err(full) => return full.answer(),
        };
        let id = Uuid::new_v4().simple().to_string();
        if let Some(remote) = &self.remote
            && remote.announce(&id, &caller).await.is_err()
        {
            return Refusal::no_state().answer();
        }
        let (incoming, from_client) = mpsc::channel(CAPACITY);
        let (to_client, outgoing) = mpsc::channel(CAPACITY);
        let pending = Arc::new(Pending::default());
        let session = Open {
            slot,
            incoming,
            pending: pending.clone(),
            _counted: metrics::hold(|m| m.session(Transport::Sse)),
            seen: Seen::default(),
        };
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), session);

        let end = self.lifecycle.over.child_token();
        let on_drop = (
            Forget {
                id: id.clone(),
                open: self.open.clone(),
            },
            end.clone().drop_guard(),
        );
        let transport = SseTransport { from_client, to_client };
        if let Some(remote) = self.remote.clone() {
            tokio::spawn(remote.keep_announced(id.clone(), caller, end.clone()));
        }
        let handler = (self.factory)();
        let served = end.clone();
        tokio::spawn(async move {
            match serve_server_with_ct(handler, transport, served.clone()).await {
                Ok(running) => drop(running.waiting().await),
                Err(error) => tracing::warn!(error = ?error.to_string(), "an SSE session did not initialize"),
            }
            served.cancel();
        });

        let stopping = self.lifecycle.stopping.clone();
        let answers = pending.clone();
        let until = async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = async { stopping.cancelled().await; pending.none().await } => {}
            }
        };
        let endpoint = Event::default()
            .event("endpoint")
            .data(format!("/messages?sessionId={id}"));
        let stream = futures::stream::once(async move { endpoint })
            .chain(ReceiverStream::new(outgoing).map(move |message| {
                answers.note_outgoing(&message);
                event(&message)
            }))
            .take_until(until)
            .map(move |event| {
                let _ = &on_drop;
                Ok::<_, Infallible>(event)
            });
        let mut response = match self.ping {
            Some(ping) => Sse::new(stream)
                .keep_alive(KeepAlive::new().interval(ping))
                .into_response(),
            None => Sse::new(stream).into_response(),
        };
        response
            .headers_mut()
            .insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }

    /// `POST /messages?sessionId=…`: a message into the session, whose stream carries the answer.
    pub(super) async fn post(&self, request: Request) -> Response {
        if request.method() != Method::POST {
            return answer::method_not_allowed("POST");
        }
        let Message { mut parts, parsed, .. } = match self.limits.read(request).await {
            Ok(message) => message,
            Err(response) => return *response,
        };
        let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
            return answer::text(StatusCode::UNAUTHORIZED, "no caller");
        };
        match self.admission.admit(&caller, &parsed, Need::Session).await {
            Ok(admitted) => drop(admitted.map(|admitted| parts.extensions.insert(admitted))),
            Err(refusal) => return refusal.answer(),
        }
        let Ok(Query(query)) = Query::<SessionQuery>::try_from_uri(&parts.uri) else {
            return answer::unknown_session();
        };
        match (self.session(&query.id, &caller, |_| true), &self.remote) {
            (Some(way), _) => respond(self.hand_in(way, parsed, parts).await),
            (None, Some(remote)) => remote.post(&query.id, &parts, parsed).await,
            (None, None) => answer::unknown_session(),
        }
    }

    /// Puts a message into a session.
    async fn hand_in(&self, (incoming, pending): Way, message: ClientJsonRpcMessage, parts: Parts) -> Outcome {
        // Calls that are answered keep the session open until they are; new ones would keep it open for ever.
        if self.lifecycle.stopping.is_cancelled() && matches!(message, JsonRpcMessage::Request(_)) {
            return Outcome::Stopping;
        }
        if !pending.note_incoming(&message) {
            return Outcome::Busy;
        }
        match incoming.send_timeout(with_parts(message, parts), BUSY).await {
            Ok(()) => Outcome::Accepted,
            Err(mpsc::error::SendTimeoutError::Timeout(message)) => {
                pending.forget(&message);
                Outcome::Busy
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Outcome::Gone,
        }
    }

    /// The way into a session of this replica, if it is this caller's and `such`.
    fn session(&self, id: &str, caller: &Caller, such: impl FnOnce(&mut Seen) -> bool) -> Option<Way> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(id).filter(|s| s.slot.owner() == caller)?;
        such(&mut session.seen).then(|| (session.incoming.clone(), session.pending.clone()))
    }

    /// The session of this replica whose id has this hash, and its owner.
    fn named(&self, name: &str) -> Option<(String, Caller)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().find(|(id, _)| hashed("stream", id) == name);
        found.map(|(id, session)| (id.clone(), session.slot.owner().clone()))
    }
}

/// The handler finds the request's parts where it does on `/mcp`.
fn with_parts(mut message: ClientJsonRpcMessage, parts: Parts) -> ClientJsonRpcMessage {
    match &mut message {
        JsonRpcMessage::Request(request) => {
            request.request.extensions_mut().insert(parts);
        }
        JsonRpcMessage::Notification(notification) => {
            notification.notification.extensions_mut().insert(parts);
        }
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
    }
    message
}

fn event(message: &ServerJsonRpcMessage) -> Event {
    match serde_json::to_string(message) {
        Ok(json) => Event::default().event("message").data(json),
        Err(error) => {
            tracing::error!(%error, "a message could not be written");
            Event::default().comment("a message could not be written")
        }
    }
}
