//! A POST that lands on another replica than its stream: sealed, sent there, and answered with what became of it.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::response::Response;
use http::{Method, StatusCode, request::Parts};
use lru::LruCache;
use rmcp::{ServerHandler, model::ClientJsonRpcMessage};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{BUSY, SseServer};
use crate::{
    auth::{Admitted, Caller, RequestId},
    http::{admission::Refusal, answer},
    metrics::{self, Cause},
    state::{Letter, Mailbox, Outcome, State, Stream, Unavailable, hashed, open, seal},
};

/// For how long a replica that is killed leaves its streams behind.
const LIFE: Duration = Duration::from_secs(60);
/// Messages of a stream that are remembered, so that none is taken twice.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The way to streams on other replicas.
pub(super) struct Remote {
    pub(super) state: Arc<State>,
    pub(super) mailbox: Arc<Mailbox>,
}

/// The messages that a stream has had from other replicas, by what makes each unlike all others.
pub(super) struct Seen(LruCache<Vec<u8>, ()>);

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Message {
    caller: String,
    request: String,
    changes: Option<bool>,
    message: ClientJsonRpcMessage,
}

impl Default for Seen {
    fn default() -> Self {
        Self(LruCache::new(REMEMBERED))
    }
}

impl Seen {
    /// Whether it is a message that was not there before. Nonces are random and sealed messages can't be made up, so that their
    /// last bytes tell them apart.
    fn first_time(&mut self, sealed: &[u8]) -> bool {
        let tag = sealed.rchunks(16).next().unwrap_or_default().to_vec();
        self.0.put(tag, ()).is_none()
    }
}

impl Remote {
    /// Says that a stream is open here.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn announce(&self, id: &str, caller: &Caller) -> Result<(), Unavailable> {
        let stream = Stream {
            owner: hashed("caller", caller.name()),
            replica: self.mailbox.replica().to_owned(),
        };
        self.state.keep_stream(&hashed("stream", id), &stream, LIFE).await
    }

    /// Keeps saying so until it ends. A store that forgot all in between learns it anew.
    pub(super) async fn keep_announced(self: Arc<Self>, id: String, caller: Caller, end: CancellationToken) {
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(LIFE / 4) => drop(self.announce(&id, &caller).await),
            }
        }
        let _ = self.state.end_stream(&hashed("stream", &id)).await;
    }

    /// Sends a message to the replica that its stream is on.
    pub(super) async fn post(&self, id: &str, parts: &Parts, message: ClientJsonRpcMessage) -> Response {
        match self.send(id, parts, message).await {
            Ok(outcome) => respond(outcome),
            Err(Unavailable) => Refusal::no_state().answer(),
        }
    }

    async fn send(&self, id: &str, parts: &Parts, message: ClientJsonRpcMessage) -> Result<Outcome, Unavailable> {
        let name = hashed("stream", id);
        let stream = self.state.stream(&name).await?;
        let (Some(stream), Some(caller), Some(request)) = (
            stream,
            parts.extensions.get::<Caller>(),
            parts.extensions.get::<RequestId>(),
        ) else {
            return Ok(Outcome::Gone);
        };
        // A stream of this replica would have been found here.
        if stream.owner != hashed("caller", caller.name()) || stream.replica == self.mailbox.replica() {
            return Ok(Outcome::Gone);
        }
        let message = Message {
            caller: caller.name().to_owned(),
            request: request.to_string(),
            changes: parts.extensions.get::<Admitted>().map(Admitted::changes),
            message,
        };
        let message = serde_json::to_vec(&message).map_err(|_| Unavailable)?;
        let sealed = seal(id, message).ok_or(Unavailable)?;
        let patience = BUSY + Duration::from_secs(1);
        self.mailbox.send(&stream.replica, &name, &sealed, patience).await
    }
}

/// What a POST is answered.
pub(super) fn respond(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Accepted => answer::text(StatusCode::ACCEPTED, "accepted"),
        Outcome::Gone => answer::unknown_session(),
        Outcome::Stopping => answer::shutting_down(),
        Outcome::Busy => {
            metrics::record(|m| m.rejected(Cause::SessionBusy));
            let text = "too many calls of this session wait, or one has the same id: read its stream, then send again";
            answer::retry_after(answer::text(StatusCode::TOO_MANY_REQUESTS, text), BUSY)
        }
        Outcome::Full => {
            let text = "the replica of this session, or this caller there, has as many requests in flight as it may \
                (MAX_IN_FLIGHT_PER_CALLER, MAX_READS_IN_FLIGHT, MAX_WRITES_IN_FLIGHT): send again";
            let response = answer::text(StatusCode::SERVICE_UNAVAILABLE, text);
            answer::retry_after(response, Duration::from_secs(1))
        }
    }
}

/// Takes what other replicas send to streams of this one.
pub(super) async fn receive<H: ServerHandler>(server: Weak<SseServer<H>>, mut letters: mpsc::Receiver<Letter>) {
    while let Some(letter) = letters.recv().await {
        let (Letter::Message { stream, sealed, reply }, Some(server)) = (letter, server.upgrade()) else {
            continue;
        };
        // Each for itself: a session that is too busy must not hold up the others.
        tokio::spawn(async move {
            let outcome = server.take_in(&stream, &sealed).await;
            if let Some(remote) = &server.remote {
                remote.mailbox.reply(reply, outcome).await;
            }
        });
    }
}

impl<H: ServerHandler> SseServer<H> {
    async fn take_in(&self, name: &str, sealed: &[u8]) -> Outcome {
        let Some((id, owner)) = self.named(name) else {
            return Outcome::Gone;
        };
        let message = open(&id, sealed).and_then(|opened| serde_json::from_slice::<Message>(&opened).ok());
        let Some(message) = message.filter(|m| m.caller == owner.name()) else {
            return Outcome::Gone;
        };
        let Some(session) = self.session(&id, &owner, |seen| seen.first_time(sealed)) else {
            return Outcome::Gone;
        };
        let (Ok(mut parts), Ok(request)) = (parts_of(&id), message.request.parse::<RequestId>()) else {
            return Outcome::Gone;
        };
        if let Some(changes) = message.changes {
            match self.admission.board(&owner, changes) {
                Ok(admitted) => drop(parts.extensions.insert(admitted)),
                Err(_) => return Outcome::Full,
            }
        }
        parts.extensions.insert(owner);
        parts.extensions.insert(request);
        self.hand_in(session, message.message, parts).await
    }
}

/// The parts of a request as the handler finds them, without the headers: none says anything that the rest doesn't.
fn parts_of(id: &str) -> Result<Parts, http::Error> {
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("/messages?sessionId={id}"))
        .body(())?;
    Ok(request.into_parts().0)
}
