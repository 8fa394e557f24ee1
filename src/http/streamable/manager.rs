//! rmcp's local session manager, with what it lacks: owners, caps, an idle clock that minds calls in flight, and JSON
//! answers. Where replicas share their sessions, `shared.rs` beside it has the rest.

mod shared;

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_server::session::{
        RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
        local::{LocalSessionManager, LocalSessionManagerError, SessionTransport},
    },
};
use tokio::{task::AbortHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use self::shared::Replicas;
use super::exchange::{self, Verdict};
use crate::{
    config::http::HttpLimits,
    http::sessions::{Full, Sessions, Slot},
    metrics::{self, Held, Transport},
    state::Unavailable,
};

pub(super) use self::shared::{Replicas as SharedSessions, Store, watch};

type EventStream = Pin<Box<dyn Stream<Item = ServerSseMessage> + Send + Sync>>;

/// The sessions of `/mcp`. Every method that is called for a request checks the session's owner itself, so that no way
/// through rmcp leads around the check.
pub(super) struct Manager(Arc<Shared>);

struct Shared {
    local: LocalSessionManager,
    sessions: Arc<Sessions>,
    live: Mutex<HashMap<SessionId, Live>>,
    idle: Option<Duration>,
    patience: Option<Duration>,
    stopping: CancellationToken,
    replicas: Option<Replicas>,
}

/// One session. Dropping it gives back its place and ends its idle clock.
struct Live {
    slot: Slot,
    activity: Arc<Activity>,
    idle_clock: Option<AbortHandle>,
    _counted: Held,
}

/// When a session last had a message, and how many calls wait for their result.
struct Activity(Mutex<(Instant, usize)>);

/// A call in flight. The idle clock starts when it is dropped.
struct InFlight(Arc<Activity>);

/// Why the manager refuses. rmcp turns it into a 500, the [`Verdict`] into the real answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManagerError {
    #[error(transparent)]
    Full(#[from] Full),
    #[error("unknown session")]
    Unknown,
    #[error(transparent)]
    State(#[from] Unavailable),
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Manager {
    pub(super) fn new(
        limits: &HttpLimits,
        sessions: Arc<Sessions>,
        stopping: CancellationToken,
        replicas: Option<Replicas>,
    ) -> Self {
        let mut local = LocalSessionManager::default();
        // rmcp's idle timer would end a session whose silent call is still running, and lose the result.
        local.session_config.keep_alive = None;
        Self(Arc::new(Shared {
            local,
            sessions,
            live: Mutex::default(),
            idle: limits.session_idle_timeout.get(),
            patience: limits.sse_ping.get(),
            stopping,
            replicas,
        }))
    }
}

impl Shared {
    fn live<T>(&self, work: impl FnOnce(&mut HashMap<SessionId, Live>) -> T) -> T {
        work(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The session's activity, if it is the current caller's.
    fn owned(&self, id: &SessionId) -> Result<Arc<Activity>, ManagerError> {
        let caller = exchange::caller();
        let activity = self.live(|live| {
            let session = live.get(id).filter(|s| Some(s.slot.owner()) == caller.as_ref())?;
            Some(session.activity.clone())
        });
        activity.ok_or_else(|| {
            exchange::conclude(Verdict::UnknownSession);
            ManagerError::Unknown
        })
    }

    fn start_idle_clock(self: &Arc<Self>, id: &SessionId, activity: &Arc<Activity>) -> Option<AbortHandle> {
        let clock = idle_clock(Arc::downgrade(self), id.clone(), activity.clone(), self.idle?);
        Some(tokio::spawn(clock).abort_handle())
    }

    fn keep(self: &Arc<Self>, id: &SessionId, slot: Slot) {
        let activity = Arc::new(Activity::new());
        let idle_clock = self.start_idle_clock(id, &activity);
        let session = Live {
            slot,
            activity,
            idle_clock,
            _counted: metrics::hold(|m| m.session(Transport::StreamableHttp)),
        };
        self.live(|live| live.insert(id.clone(), session));
    }

    /// A place for one more session of the current caller.
    fn place(&self) -> Result<Slot, ManagerError> {
        let caller = exchange::caller().ok_or(ManagerError::Unknown)?;
        let slot = self.sessions.take(&caller);
        Ok(slot.inspect_err(|full| exchange::conclude(Verdict::Full(*full)))?)
    }

    async fn end(&self, id: &SessionId) -> Result<(), ManagerError> {
        let closed = self.local.close_session(id).await;
        // Bound to a name so that it is dropped, and its place given back, after the lock is released.
        let ended = self.live(|live| live.remove(id));
        drop(ended);
        Ok(closed?)
    }
}

async fn idle_clock(shared: Weak<Shared>, id: SessionId, activity: Arc<Activity>, idle: Duration) {
    loop {
        let now = Instant::now();
        match activity.idle_since() {
            Some(since) if now.duration_since(since) >= idle => break,
            Some(since) => tokio::time::sleep_until(since + idle).await,
            None => tokio::time::sleep(idle).await,
        }
    }
    if let Some(shared) = shared.upgrade() {
        tracing::info!(session = %id, "session idled out");
        let _ = shared.end(&id).await;
    }
}

impl Activity {
    fn new() -> Self {
        Self(Mutex::new((Instant::now(), 0)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut (Instant, usize)) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn touch(&self) {
        self.with(|(since, _)| *since = Instant::now());
    }

    fn idle_since(&self) -> Option<Instant> {
        self.with(|(since, in_flight)| (*in_flight == 0).then_some(*since))
    }

    fn begin(self: &Arc<Self>) -> InFlight {
        self.with(|(_, in_flight)| *in_flight += 1);
        InFlight(self.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.with(|(since, in_flight)| {
            *since = Instant::now();
            *in_flight = in_flight.saturating_sub(1);
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(clock) = &self.idle_clock {
            clock.abort();
        }
    }
}

impl SessionManager for Manager {
    type Error = ManagerError;
    type Transport = SessionTransport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), ManagerError> {
        let slot = self.0.place()?;
        let (id, transport) = self.0.local.create_session().await?;
        self.0.keep(&id, slot);
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, ManagerError> {
        self.0.owned(id)?.touch();
        let response = self.0.local.initialize_session(id, message).await?;
        conclude_with(&response);
        Ok(response)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, ManagerError> {
        if let Some(replicas) = &self.0.replicas {
            return self.0.find(replicas, id).await;
        }
        // rmcp's answer to `false` is replaced by the verdict, as for every other way to ask for a session.
        Ok(self.0.owned(id).is_ok() && self.0.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), ManagerError> {
        // Without a caller it is rmcp's own task, which tidies up after a session that ended.
        if exchange::caller().is_some() {
            match &self.0.replicas {
                Some(replicas) => return self.0.end_everywhere(replicas, id).await,
                None => drop(self.0.owned(id)?),
            }
        }
        self.0.end(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        exchange::restored();
        let in_flight = self.0.owned(id)?.begin();
        let events: EventStream = Box::pin(self.0.local.create_stream(id, message).await?);
        let events = collapse(events, self.0.patience).await;
        Ok(events.inspect(move |_| {
            // The call is in flight for as long as its stream is.
            let _ = &in_flight;
        }))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), ManagerError> {
        self.0.owned(id)?.touch();
        Ok(self.0.local.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        exchange::restored();
        self.0.owned(id)?.touch();
        let events = self.0.local.create_standalone_stream(id).await?;
        Ok(events.take_until(self.0.stopping.clone().cancelled_owned()))
    }

    async fn restore_session(&self, id: SessionId) -> Result<RestoreOutcome<Self::Transport>, ManagerError> {
        let slot = self.0.place()?;
        let restored = self.0.local.restore_session(id.clone()).await?;
        if let RestoreOutcome::Restored(_) = &restored {
            self.0.keep(&id, slot);
        }
        Ok(restored)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, ManagerError> {
        exchange::restored();
        let activity = self.0.owned(id)?;
        activity.touch();
        // `index/request` is a call's stream, whose result is still worth waiting for; a bare index is the idle one.
        let of_a_call = last_event_id.contains('/');
        let in_flight = of_a_call.then(|| activity.begin());
        let events: EventStream = Box::pin(self.0.local.resume(id, last_event_id).await?);
        let events: EventStream = if of_a_call {
            events
        } else {
            Box::pin(events.take_until(self.0.stopping.clone().cancelled_owned()))
        };
        Ok(events.inspect(move |_| {
            let _ = &in_flight;
        }))
    }
}

/// Waits for the first message of a call's stream. If it is the result, the answer becomes plain JSON; if something
/// precedes it, or nothing comes within one ping interval, the stream is sent as it is, from its first event on.
async fn collapse(mut events: EventStream, patience: Option<Duration>) -> EventStream {
    let mut seen = Vec::new();
    let first = async {
        while let Some(event) = events.next().await {
            let message = event.message.clone();
            seen.push(event);
            if message.is_some() {
                return message;
            }
        }
        None
    };
    let first = match patience {
        Some(patience) => tokio::time::timeout(patience, first).await.unwrap_or(None),
        None => first.await,
    };
    match first {
        Some(message) if conclude_with(&message) => Box::pin(futures::stream::empty()),
        _ => Box::pin(futures::stream::iter(seen).chain(events)),
    }
}

/// Makes a result or an error the whole answer.
fn conclude_with(message: &ServerJsonRpcMessage) -> bool {
    if !matches!(
        message,
        ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_)
    ) {
        return false;
    }
    match serde_json::to_vec(message) {
        Ok(json) => {
            exchange::conclude(Verdict::Result(Bytes::from(json)));
            true
        }
        Err(_) => false,
    }
}
