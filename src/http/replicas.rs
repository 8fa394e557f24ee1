//! What this server shares with its other replicas, if it has any: the state, and the mail between them.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{HttpError, Lifecycle};
use crate::{
    config::StateConfig,
    state::{Letter, Mailbox, State},
};

/// The way to the other replicas.
pub(super) struct Replicas {
    pub(super) state: Arc<State>,
    pub(super) mailbox: Arc<Mailbox>,
    /// Messages for streams that are open here. Taken by who reads them.
    pub(super) messages: Option<mpsc::Receiver<Letter>>,
    /// Word of sessions that were ended elsewhere. Taken by who reads it.
    pub(super) ends: Option<mpsc::Receiver<Letter>>,
}

impl Replicas {
    /// With STATE_URL; `None` without.
    pub(super) fn new(config: &StateConfig, lifecycle: &Lifecycle) -> Result<Option<Self>, HttpError> {
        let state = State::new(config).map_err(HttpError::State)?;
        Ok(state.map(|state| {
            let state = Arc::new(state);
            let (mailbox, messages, ends) = Mailbox::open(state.clone(), lifecycle.over.clone());
            Self {
                state,
                mailbox,
                messages: Some(messages),
                ends: Some(ends),
            }
        }))
    }
}
