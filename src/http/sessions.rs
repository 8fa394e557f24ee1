//! Whose session is whose, and how many there may be: `/mcp` and `/sse` together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::response::Response;
use http::StatusCode;

use super::answer;
use crate::{
    auth::Caller,
    metrics::{self, Cause},
};

/// Counts sessions per caller and in all.
pub(super) struct Sessions {
    per_caller: Option<usize>,
    in_all: Option<usize>,
    open: Mutex<HashMap<Caller, usize>>,
}

/// Which cap was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error(
        "this caller has as many sessions as it may (MAX_SESSIONS_PER_CALLER): end one (DELETE /mcp) or let one idle out"
    )]
    Caller,
    #[error("this server has as many sessions as it may (MAX_SESSIONS): come again")]
    Process,
}

/// One session's place in the count, and its owner. Dropping it gives the place back.
pub(super) struct Slot {
    sessions: Arc<Sessions>,
    caller: Caller,
}

impl Sessions {
    pub(super) fn new(per_caller: Option<usize>, in_all: Option<usize>) -> Self {
        Self {
            per_caller,
            in_all,
            open: Mutex::default(),
        }
    }

    /// Takes a place for a session of this caller.
    pub(super) fn take(self: &Arc<Self>, caller: &Caller) -> Result<Slot, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.in_all.is_some_and(|max| open.values().sum::<usize>() >= max) {
            return Err(Full::Process);
        }
        let own = open.get(caller).copied().unwrap_or(0);
        if self.per_caller.is_some_and(|max| own >= max) {
            return Err(Full::Caller);
        }
        open.insert(caller.clone(), own + 1);
        Ok(Slot {
            sessions: self.clone(),
            caller: caller.clone(),
        })
    }
}

impl Slot {
    pub(super) fn owner(&self) -> &Caller {
        &self.caller
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&self.caller).map_or(0, |n| n.saturating_sub(1));
        if left == 0 {
            open.remove(&self.caller);
        } else {
            open.insert(self.caller.clone(), left);
        }
    }
}

impl Full {
    /// 429 where the caller can help itself, 503 where it can't.
    pub(super) fn answer(self) -> Response {
        tracing::warn!(reason = ?self, "session refused");
        let (status, cause) = match self {
            Self::Caller => (StatusCode::TOO_MANY_REQUESTS, Cause::CallerSessions),
            Self::Process => (StatusCode::SERVICE_UNAVAILABLE, Cause::Sessions),
        };
        metrics::record(|m| m.rejected(cause));
        answer::retry_after(answer::text(status, self.to_string()), Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_caller_and_in_all_and_given_back() {
        let sessions = Arc::new(Sessions::new(Some(2), Some(3)));
        let (alice, bob) = (Caller::new("alice"), Caller::new("bob"));
        let first = sessions.take(&alice).ok().unwrap();
        let _second = sessions.take(&alice).ok().unwrap();
        assert_eq!(sessions.take(&alice).err(), Some(Full::Caller));
        let _third = sessions.take(&bob).ok().unwrap();
        assert_eq!(sessions.take(&bob).err(), Some(Full::Process));
        drop(first);
        let fourth = sessions.take(&alice).ok().unwrap();
        assert_eq!(fourth.owner(), &alice);
        drop((_second, _third, fourth));
        assert!(sessions.open.lock().unwrap().is_empty());
    }
}
