//! How much an account may ask for.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{auth::Refused, state::State};

/// What an account may have in a region. `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotas {
    /// Requests in any one second.
    pub(crate) per_second: Option<usize>,
    /// How long a second is. Tests stretch it, so that they don't depend on the speed of the machine.
    pub(crate) second: Duration,
    /// Requests that are being answered, open streams included.
    pub(crate) at_once: Option<usize>,
    /// Sessions of the account.
    pub(crate) sessions: Option<usize>,
    /// Sessions of one principal in it.
    pub(crate) sessions_each: Option<usize>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            per_second: None,
            second: Duration::from_secs(1),
            at_once: None,
            sessions: None,
            sessions_each: None,
        }
    }
}

impl Quotas {
    /// Those of the AWS MCP Server.
    pub(crate) fn real() -> Self {
        Self {
            per_second: Some(3),
            at_once: Some(27),
            sessions: Some(180),
            sessions_each: Some(90),
            ..Self::default()
        }
    }
}

/// What the accounts use now.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) quotas: Quotas,
    recent: HashMap<String, VecDeque<Instant>>,
    at_once: HashMap<String, usize>,
}

/// A request that is being answered, until it is dropped.
pub(super) struct Place {
    state: Arc<State>,
    account: String,
}

impl Place {
    /// Counts a request, or says which quota it exceeds.
    pub(super) fn take(state: &Arc<State>, account: &str) -> Result<Self, Refused> {
        let mut book = state.book();
        let Usage {
            quotas,
            recent,
            at_once,
        } = &mut book.usage;
        let recent = recent.entry(account.to_owned()).or_default();
        while recent.front().is_some_and(|then| then.elapsed() >= quotas.second) {
            recent.pop_front();
        }
        if quotas.per_second.is_some_and(|most| recent.len() >= most) {
            return Err(Refused::throttled("Rate exceeded"));
        }
        let now = at_once.entry(account.to_owned()).or_default();
        if quotas.at_once.is_some_and(|most| *now >= most) {
            return Err(Refused::throttled("Too many concurrent connections"));
        }
        recent.push_back(Instant::now());
        *now += 1;
        Ok(Self {
            state: state.clone(),
            account: account.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(now) = self.state.book().usage.at_once.get_mut(&self.account) {
            *now = now.saturating_sub(1);
        }
    }
}
