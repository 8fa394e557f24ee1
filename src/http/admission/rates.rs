//! Whose turn it is: asked of this process's buckets, or of those that all replicas share.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Cost, buckets::Buckets, refusal::Limit};
use crate::{
    auth::Caller,
    config::http::{HttpLimits, Rate},
    state::State,
};

/// Whether a request can do without what replicas share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Need {
    /// It stands alone.
    Nothing,
    /// It belongs to a session, or begins one.
    Session,
}

/// The callers' rates.
pub(super) struct Rates {
    requests: Option<Rate>,
    writes: Option<Rate>,
    own: Buckets,
    shared: Option<Arc<State>>,
    /// What is given while the shared buckets can't be asked, and since when that is so.
    meanwhile: Mutex<Option<(Instant, Arc<Buckets>)>>,
}

impl Rates {
    pub(super) fn new(limits: &HttpLimits, shared: Option<Arc<State>>) -> Self {
        let (requests, writes) = (limits.request_rate(), limits.write_rate());
        Self {
            requests,
            writes,
            own: Buckets::new(requests, writes),
            shared,
            meanwhile: Mutex::default(),
        }
    }

    /// Takes a turn, or says which limit holds the request up and for how long.
    pub(super) async fn take(&self, caller: &Caller, cost: Cost, need: Need) -> Result<(), (Limit, Duration)> {
        let Some(state) = &self.shared else {
            return self.own.take(caller, cost, Instant::now());
        };
        // What was given in an outage is settled before the shared buckets give more.
        let owed = state.out_since().is_none() && self.settle(caller);
        let writes = self.writes.filter(|_| owed || cost == Cost::Write);
        let wanted = [
            self.requests.map(|rate| (Limit::Rate, ("requests", rate))),
            writes.map(|rate| (Limit::WriteRate, ("writes", rate))),
        ];
        let (limits, buckets): (Vec<_>, Vec<_>) = wanted.into_iter().flatten().unzip();
        match state.take(caller.name(), &buckets, owed).await {
            Ok(None) => Ok(()),
            Ok(Some((at, wait))) => Err((limits.get(at).copied().unwrap_or(Limit::Rate), wait)),
            Err(_) if need == Need::Session => Err((Limit::State, Duration::from_secs(1))),
            Err(_) => self.take_share(state, caller, cost),
        }
    }

    fn settle(&self, caller: &Caller) -> bool {
        let meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
        meanwhile.as_ref().is_some_and(|(_, given)| given.settle(caller))
    }

    /// A turn while nobody knows what the other replicas give. Each gives its share, and begins with nothing: what the callers had
    /// left in the shared buckets is not known, and so nobody gets more than those would have given.
    fn take_share(&self, state: &State, caller: &Caller, cost: Cost) -> Result<(), (Limit, Duration)> {
        let now = Instant::now();
        let share = |rate: Option<Rate>| rate.map(|rate| rate.share(state.replicas()));
        let (requests, writes) = (share(self.requests), share(self.writes));
        // A bucket too small to be shared gives nothing.
        if requests == Some(None) || (cost == Cost::Write && writes == Some(None)) {
            return Err((Limit::State, Duration::from_secs(1)));
        }
        let since = state.out_since().unwrap_or(now);
        let buckets = {
            let mut meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
            match &*meanwhile {
                Some((then, buckets)) if *then == since => buckets.clone(),
                _ => {
                    let buckets = Arc::new(Buckets::empty(requests.flatten(), writes.flatten(), since));
                    *meanwhile = Some((since, buckets.clone()));
                    buckets
                }
            }
        };
        buckets
            .take(caller, cost, now)
            .map_err(|(_, wait)| (Limit::State, wait))
    }
}
