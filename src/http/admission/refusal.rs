//! What a request that a limit holds up is answered, and what of it is logged.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::response::Response;
use http::StatusCode;
use rmcp::model::RequestId;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::{self, LIMIT_EXCEEDED, Quiet};
use crate::{
    auth::Caller,
    metrics::{self, Cause},
};

/// One line in this time for each caller and limit.
const LOGGED: Duration = Duration::from_secs(10);
/// Callers and limits remembered before the old ones are forgotten.
const MANY: usize = 1_000;

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(in crate::http) enum Limit {
    #[error("this caller sends more requests than it may (CALLER_RATE, CALLER_BURST)")]
    Rate,
    #[error("this caller changes more than it may (CALLER_WRITE_RATE, CALLER_WRITE_BURST)")]
    WriteRate,
    #[error("this caller has as many requests in flight as it may (MAX_IN_FLIGHT_PER_CALLER)")]
    InFlight,
    #[error("this server has as many requests in flight as it may (MAX_READS_IN_FLIGHT)")]
    Reads,
    #[error("this server has as many changes in flight as it may (MAX_WRITES_IN_FLIGHT)")]
    Writes,
    #[error(
        "what this server's replicas share can't be asked (STATE_URL): sessions and /sse do not work, requests without a session only \
         slowly"
    )]
    State,
}

/// A request that a limit holds up.
#[derive(Debug)]
pub(in crate::http) struct Refusal {
    limit: Limit,
    wait: Duration,
    id: Option<RequestId>,
}

/// How often what was refused, so that an attack doesn't fill the log.
#[derive(Default)]
pub(in crate::http) struct Refusals(Mutex<HashMap<(Caller, Limit), Noted>>);

/// When a line was written, and how many refusals there were since.
struct Noted {
    at: Instant,
    since: usize,
}

impl Limit {
    /// 429 where the caller can help itself, 503 where it can't.
    fn status(self) -> StatusCode {
        match self {
            Self::Rate | Self::WriteRate | Self::InFlight => StatusCode::TOO_MANY_REQUESTS,
            Self::Reads | Self::Writes | Self::State => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Limit {
    fn cause(self) -> Cause {
        match self {
            Self::Rate => Cause::CallerRate,
            Self::WriteRate => Cause::CallerWriteRate,
            Self::InFlight => Cause::CallerInFlight,
            Self::Reads => Cause::ReadsInFlight,
            Self::Writes => Cause::WritesInFlight,
            Self::State => Cause::State,
        }
    }
}

impl Refusal {
    pub(super) fn new(limit: Limit, wait: Duration) -> Self {
        Self { limit, wait, id: None }
    }

    /// Of the request with this id.
    pub(super) fn to(self, id: RequestId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Of what needs the state that replicas share, when it can't be asked.
    pub(in crate::http) fn no_state() -> Self {
        Self::new(Limit::State, Duration::from_secs(1))
    }

    /// The answer: a JSON-RPC error, with the status and the time to wait where every HTTP client finds them.
    pub(in crate::http) fn answer(self) -> Response {
        metrics::record(|m| m.rejected(self.limit.cause()));
        let seconds = self.wait.as_millis().div_ceil(1000).max(1);
        let message = format!("{}: try again in {seconds} s", self.limit);
        let data = json!({ "code": "throttled", "retryable": true, "retry_after": seconds });
        let id = self.id.map_or(Value::Null, |id| json!(id));
        let error = json!({ "code": LIMIT_EXCEEDED, "message": message, "data": data });
        let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
        let mut response = answer::retry_after(answer::json_body(self.limit.status(), body.to_string()), self.wait);
        response.extensions_mut().insert(Quiet);
        response
    }
}

impl Refusals {
    /// Notes a refusal, and logs it if there was no line of its like for a while.
    pub(super) fn note(&self, caller: &Caller, limit: Limit, now: Instant) {
        let Some(others) = self.count(caller, limit, now) else {
            return;
        };
        tracing::warn!(%caller, reason = %limit, others, "throttled");
    }

    /// How many went unlogged before this one; `None` if it goes unlogged too.
    fn count(&self, caller: &Caller, limit: Limit, now: Instant) -> Option<usize> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= MANY {
            noted.retain(|_, n| now.duration_since(n.at) < LOGGED);
        }
        let fresh = Noted { at: now, since: 0 };
        match noted.get_mut(&(caller.clone(), limit)) {
            Some(last) if now.duration_since(last.at) < LOGGED => {
                last.since += 1;
                None
            }
            Some(last) => Some(std::mem::replace(last, fresh).since),
            None => {
                noted.insert((caller.clone(), limit), fresh);
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_is_one_line_in_ten_seconds() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let alice = Caller::new("alice");
        let lines = |at: Instant| -> Vec<usize> {
            let counted = (0..1000).filter_map(|_| refusals.count(&alice, Limit::Rate, at));
            counted.collect()
        };
        assert_eq!(lines(now), [0]);
        assert_eq!(lines(now + Duration::from_secs(9)), Vec::<usize>::new());
        assert_eq!(lines(now + Duration::from_secs(10)), [1999]);
        assert_eq!(refusals.count(&alice, Limit::InFlight, now), Some(0));
        assert_eq!(refusals.count(&Caller::new("bob"), Limit::Rate, now), Some(0));
    }
}
