//! Requests in flight: of each caller, and of this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Cost, refusal::Limit};
use crate::{auth::Caller, config::http::HttpLimits};

/// When to come again: nobody knows when one of the others ends.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// Counts what is in flight.
pub(super) struct Flights {
    per_caller: Option<usize>,
    reads: Option<usize>,
    writes: Option<usize>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    callers: HashMap<Caller, usize>,
    reads: usize,
    writes: usize,
}

/// A request's place. Dropping it gives the place back.
pub(super) struct Place {
    flights: Arc<Flights>,
    caller: Caller,
    cost: Cost,
}

impl Flights {
    pub(super) fn new(limits: &HttpLimits) -> Arc<Self> {
        Arc::new(Self {
            per_caller: limits.max_in_flight_per_caller.get(),
            reads: limits.max_reads_in_flight.get(),
            writes: limits.max_writes_in_flight.get(),
            counts: Mutex::default(),
        })
    }

    /// Takes a place.
    pub(super) fn take(self: &Arc<Self>, caller: &Caller, cost: Cost) -> Result<Place, Limit> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.callers.get(caller).copied().unwrap_or(0);
        if self.per_caller.is_some_and(|max| own >= max) {
            return Err(Limit::InFlight);
        }
        let (count, max, limit) = match cost {
            Cost::Read => (&mut counts.reads, self.reads, Limit::Reads),
            Cost::Write => (&mut counts.writes, self.writes, Limit::Writes),
        };
        if max.is_some_and(|max| *count >= max) {
            return Err(limit);
        }
        *count += 1;
        counts.callers.insert(caller.clone(), own + 1);
        Ok(Place {
            flights: self.clone(),
            caller: caller.clone(),
            cost,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.flights.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match self.cost {
            Cost::Read => &mut counts.reads,
            Cost::Write => &mut counts.writes,
        };
        *count = count.saturating_sub(1);
        let left = counts.callers.get(&self.caller).map_or(0, |n| n.saturating_sub(1));
        if left == 0 {
            counts.callers.remove(&self.caller);
        } else {
            counts.callers.insert(self.caller.clone(), left);
        }
    }
}
