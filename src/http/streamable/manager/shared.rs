//! Sessions that every replica can restore: from what the client said when it began them, and to their owner alone.

use std::{sync::Arc, time::Duration};

use rmcp::transport::streamable_http_server::session::{SessionId, SessionState, SessionStore, SessionStoreError};
use tokio::sync::mpsc;

use super::{
    super::{
        exchange::{self, Verdict},
        turns::Turns,
    },
    Manager, ManagerError, Shared,
};
use crate::{
    auth::Caller,
    config::http::HttpLimits,
    state::{Letter, Mailbox, Session, State, Unavailable, hashed},
};

/// Sessions without an idle time end after this long without a message, since nothing else would ever end them.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What is shared, and how.
pub(in super::super) struct Replicas {
    state: Arc<State>,
    mailbox: Arc<Mailbox>,
    life: Duration,
    turns: Arc<Turns>,
}

/// What rmcp asks for sessions that it does not know.
pub(in super::super) struct Store(pub(in super::super) Arc<Manager>);

impl Replicas {
    pub(in super::super) fn new(state: Arc<State>, mailbox: Arc<Mailbox>, limits: &HttpLimits) -> Self {
        Self {
            state,
            mailbox,
            life: limits.session_idle_timeout.get().unwrap_or(LONGEST_LIFE),
            turns: Arc::default(),
        }
    }

    /// What is kept of the current caller's session.
    async fn session(&self, id: &SessionId) -> Result<Option<Session>, ManagerError> {
        let session = self.state.session(id, self.life).await.map_err(unavailable)?;
        let owner = exchange::caller().map(|caller| owner(&caller));
        Ok(session.filter(|session| Some(&session.owner) == owner.as_ref()))
    }
}

impl Shared {
    /// Whether the current caller's session is on this replica. If it is on others only, what it takes to restore it is kept for
    /// [`Store::load`].
    pub(super) async fn find(self: &Arc<Self>, replicas: &Replicas, id: &SessionId) -> Result<bool, ManagerError> {
        let turn = replicas.turns.take(id).await;
        let Some(session) = replicas.session(id).await? else {
            // Ended elsewhere, if it was the caller's at all.
            if self.owned(id).is_ok() {
                exchange::conclude(Verdict::UnknownSession);
                self.end(id).await?;
            }
            return Err(ManagerError::Unknown);
        };
        if self.live(|live| live.contains_key(id)) {
            return Ok(self.owned(id).is_ok());
        }
        let Ok(initialize) = serde_json::from_value(session.initialize) else {
            exchange::conclude(Verdict::UnknownSession);
            return Err(ManagerError::Unknown);
        };
        exchange::restore(SessionState::new(initialize), turn);
        Ok(false)
    }

    /// Ends the caller's session here and wherever else it was restored.
    pub(super) async fn end_everywhere(&self, replicas: &Replicas, id: &SessionId) -> Result<(), ManagerError> {
        if replicas.session(id).await?.is_none() {
            exchange::conclude(Verdict::UnknownSession);
            return Err(ManagerError::Unknown);
        }
        replicas.state.end_session(id).await.map_err(unavailable)?;
        replicas.mailbox.ended(hashed("session", id)).await;
        self.end(id).await
    }
}

/// Ends the sessions here that other replicas say have ended.
pub(in super::super) async fn watch(manager: std::sync::Weak<Manager>, mut ends: mpsc::Receiver<Letter>) {
    while let Some(letter) = ends.recv().await {
        let (Letter::Ended(name), Some(manager)) = (letter, manager.upgrade()) else {
            continue;
        };
        let ended = manager
            .0
            .live(|live| live.keys().find(|id| hashed("session", id) == name).cloned());
        if let Some(id) = ended {
            let _ = manager.0.end(&id).await;
        }
    }
}

#[async_trait::async_trait]
impl SessionStore for Store {
    async fn load(&self, _: &str) -> Result<Option<SessionState>, SessionStoreError> {
        Ok(exchange::found())
    }

    async fn store(&self, id: &str, state: &SessionState) -> Result<(), SessionStoreError> {
        let shared = &self.0.0;
        let (Some(replicas), Some(caller)) = (&shared.replicas, exchange::caller()) else {
            return Ok(());
        };
        let session = Session {
            owner: owner(&caller),
            initialize: serde_json::to_value(&state.initialize_params)?,
        };
        if let Err(error) = replicas.state.keep_session(id, &session, replicas.life).await {
            // A session that only this replica knows would end with the next request.
            let _ = shared.end(&id.into()).await;
            return Err(unavailable(error).into());
        }
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), SessionStoreError> {
        // Done by then: nobody but the owner gets that far.
        Ok(())
    }
}

fn unavailable(error: Unavailable) -> ManagerError {
    exchange::conclude(Verdict::NoState);
    error.into()
}

fn owner(caller: &Caller) -> String {
    hashed("caller", caller.name())
}
