//! One at a time restores a session on this replica, and who comes meanwhile waits for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::transport::streamable_http_server::session::SessionId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The sessions that are being looked for.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<SessionId, Arc<AsyncMutex<()>>>>);

/// A turn. It is over when it is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    id: SessionId,
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    pub(super) async fn take(self: &Arc<Self>, id: &SessionId) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(id.clone()).or_default().clone()
        };
        Turn {
            turns: self.clone(),
            id: id.clone(),
            _guard: turn.lock_owned().await,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map and this turn hold it, and whoever waits.
        if turns.get(&self.id).is_some_and(|turn| Arc::strong_count(turn) <= 2) {
            turns.remove(&self.id);
        }
    }
}
