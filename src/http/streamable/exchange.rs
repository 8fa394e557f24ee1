//! What one HTTP exchange and the session manager under rmcp tell each other.
//!
//! rmcp calls the session manager without the request, and makes its own answer of what the manager says. A task-local
//! carries the caller down, and up again what should be answered instead.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::{auth::Caller, http::sessions::Full};

tokio::task_local! {
    static CURRENT: Arc<Exchange>;
}

/// One request under way.
pub(super) struct Exchange {
    caller: Caller,
    verdict: Mutex<Option<Verdict>>,
}

/// What to answer instead of rmcp's response.
pub(super) enum Verdict {
    /// A cap was met.
    Full(Full),
    /// No such session, or not this caller's.
    UnknownSession,
    /// Nothing precedes the result: here it is, as JSON.
    Result(Bytes),
}

/// Runs `work` as `caller`. Gives what it returned, and what the session manager wants answered instead.
pub(super) async fn run<T>(caller: Caller, work: impl Future<Output = T>) -> (T, Option<Verdict>) {
    let exchange = Arc::new(Exchange {
        caller,
        verdict: Mutex::new(None),
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
