//! What one HTTP exchange and the session manager under rmcp tell each other.
//!
//! rmcp calls the session manager without the request, and makes its own answer of what the manager says. A task-local
//! carries the caller down, and up again what should be answered instead.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rmcp::transport::streamable_http_server::session::SessionState;

use super::turns::Turn;
use crate::{auth::Caller, http::sessions::Full};

tokio::task_local! {
    static CURRENT: Arc<Exchange>;
}

/// One request under way.
pub(super) struct Exchange {
    caller: Caller,
    verdict: Mutex<Option<Verdict>>,
    found: Mutex<Option<SessionState>>,
    turn: Mutex<Option<Turn>>,
}

/// What to answer instead of rmcp's response.
pub(super) enum Verdict {
    /// A cap was met.
    Full(Full),
    /// No such session, or not this caller's.
    UnknownSession,
    /// What replicas share can't be asked.
    NoState,
    /// Nothing precedes the result: here it is, as JSON.
    Result(Bytes),
}

/// Runs `work` as `caller`. Gives what it returned, and what the session manager wants answered instead.
pub(super) async fn run<T>(caller: Caller, work: impl Future<Output = T>) -> (T, Option<Verdict>) {
    let exchange = Arc::new(Exchange {
        caller,
        verdict: Mutex::new(None),
        found: Mutex::new(None),
        turn: Mutex::new(None),
    });
    let done = CURRENT.scope(exchange.clone(), work).await;
    let verdict = exchange.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
    (done, verdict)
}

/// The caller of the request under way; `None` in rmcp's own tasks.
pub(super) fn caller() -> Option<Caller> {
    CURRENT.try_with(|exchange| exchange.caller.clone()).ok()
}

/// Has this answered instead of rmcp's response.
pub(super) fn conclude(verdict: Verdict) {
    let _ = CURRENT.try_with(|exchange| {
        *exchange.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    });
}

/// Keeps what is known of a session that this replica must restore, and the turn to do so.
pub(super) fn restore(state: SessionState, turn: Turn) {
    let _ = CURRENT.try_with(|exchange| {
        *exchange.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        *exchange.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    });
}

/// What is known of the session that is to be restored.
pub(super) fn found() -> Option<SessionState> {
    let found = CURRENT.try_with(|exchange| exchange.found.lock().unwrap_or_else(PoisonError::into_inner).take());
    found.ok().flatten()
}

/// The session is there: others may use it too.
pub(super) fn restored() {
    let turn = CURRENT.try_with(|exchange| exchange.turn.lock().unwrap_or_else(PoisonError::into_inner).take());
    drop(turn);
}
