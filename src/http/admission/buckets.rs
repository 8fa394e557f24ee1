//! Two token buckets for each caller, in this process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Cost, refusal::Limit};
use crate::{auth::Caller, config::http::HttpLimits, config::value};

/// Callers remembered before those are forgotten whose buckets are full again.
const MANY: usize = 10_000;

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Rate {
    /// Time in which one place comes free.
    pub(in crate::http) interval: Duration,
    /// How many places there are.
    pub(in crate::http) burst: u32,
}

/// Everybody's buckets.
pub(super) struct Buckets {
    requests: Option<Rate>,
    writes: Option<Rate>,
    callers: Mutex<HashMap<Caller, Full>>,
}

/// When each of a caller's buckets is full again.
#[derive(Clone, Copy)]
struct Full {
    requests: Instant,
    writes: Instant,
}

impl Rate {
    /// CALLER_RATE and CALLER_BURST.
    pub(in crate::http) fn of_requests(limits: &HttpLimits) -> Option<Self> {
        Self::new(limits.caller_rate, limits.caller_burst)
    }

    /// CALLER_WRITE_RATE and CALLER_WRITE_BURST.
    pub(in crate::http) fn of_writes(limits: &HttpLimits) -> Option<Self> {
        Self::new(limits.caller_write_rate, limits.caller_write_burst)
    }

    fn new(rate: value::Limit<usize>, burst: value::Limit<usize>) -> Option<Self> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let rate = rate.get().map(number)?;
        Some(Self {
            interval: Duration::from_secs(1) / rate.max(1),
            burst: burst.get().map_or(rate, number).max(1),
        })
    }

    /// How long until there is a place in a bucket that is full again at `full`.
    fn wait(self, full: Instant, now: Instant) -> Duration {
        let taken = full.saturating_duration_since(now);
        (taken + self.interval).saturating_sub(self.interval * self.burst)
    }

    fn taken(self, full: Instant, now: Instant) -> Instant {
        full.max(now) + self.interval
    }
}

impl Buckets {
    pub(super) fn new(requests: Option<Rate>, writes: Option<Rate>) -> Self {
        Self {
            requests,
            writes,
            callers: Mutex::default(),
        }
    }

    /// Takes a place, and for a change another among the changes; or neither, and says which bucket is empty for how long.
    pub(super) fn take(&self, caller: &Caller, cost: Cost, now: Instant) -> Result<(), (Limit, Duration)> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MANY && !callers.contains_key(caller) {
            callers.retain(|_, full| full.requests > now || full.writes > now);
        }
        let mut full = callers.get(caller).copied().unwrap_or(Full {
            requests: now,
            writes: now,
        });
        let writes = self.writes.filter(|_| cost == Cost::Write);
        let waits = [
            self.requests.map(|rate| (Limit::Rate, rate.wait(full.requests, now))),
            writes.map(|rate| (Limit::WriteRate, rate.wait(full.writes, now))),
        ];
        let longest = waits.into_iter().flatten().max_by_key(|(_, wait)| *wait);
        if let Some((limit, wait)) = longest.filter(|(_, wait)| !wait.is_zero()) {
            return Err((limit, wait));
        }
        if let Some(rate) = self.requests {
            full.requests = rate.taken(full.requests, now);
        }
        if let Some(rate) = writes {
            full.writes = rate.taken(full.writes, now);
        }
        callers.insert(caller.clone(), full);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: usize, burst: value::Limit<usize>) -> Option<Rate> {
        Rate::new(value::Limit::At(per_second), burst)
    }

    fn buckets() -> Buckets {
        Buckets::new(rate(10, value::Limit::At(20)), rate(1, value::Limit::At(5)))
    }

    fn passed(buckets: &Buckets, caller: &Caller, cost: Cost, now: Instant) -> usize {
        (0..100).take_while(|_| buckets.take(caller, cost, now).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (buckets, now) = (buckets(), Instant::now());
        let (alice, bob) = (Caller::new("alice"), Caller::new("bob"));
        assert_eq!(passed(&buckets, &alice, Cost::Read, now), 20);
        let refused = buckets.take(&alice, Cost::Read, now).unwrap_err();
        assert_eq!(refused, (Limit::Rate, Duration::from_millis(100)));
        assert_eq!(passed(&buckets, &bob, Cost::Read, now), 20);
        assert_eq!(
            passed(&buckets, &alice, Cost::Read, now + Duration::from_millis(500)),
            5
        );
        assert_eq!(
            passed(&buckets, &alice, Cost::Read, now + Duration::from_secs(3600)),
            20
        );
    }

    #[test]
    fn a_change_takes_a_place_of_both_and_a_refused_one_takes_none() {
        let (buckets, now) = (buckets(), Instant::now());
        let alice = Caller::new("alice");
        assert_eq!(passed(&buckets, &alice, Cost::Write, now), 5);
        let refused = buckets.take(&alice, Cost::Write, now).unwrap_err();
        assert_eq!(refused, (Limit::WriteRate, Duration::from_secs(1)));
        assert_eq!(passed(&buckets, &alice, Cost::Read, now), 15);
        let later = now + Duration::from_secs(1);
        assert_eq!(passed(&buckets, &alice, Cost::Write, later), 1);
        assert_eq!(passed(&buckets, &alice, Cost::Read, later), 9);
    }

    #[test]
    fn off_is_no_limit_and_a_burst_that_is_off_is_a_second_s_worth() {
        let now = Instant::now();
        let alice = Caller::new("alice");
        let free = Buckets::new(None, None);
        assert_eq!(passed(&free, &alice, Cost::Write, now), 100);
        let even = Buckets::new(rate(10, value::Limit::Off), None);
        assert_eq!(passed(&even, &alice, Cost::Write, now), 10);
    }

    #[test]
    fn who_has_full_buckets_is_forgotten() {
        let (buckets, now) = (buckets(), Instant::now());
        for n in 0..MANY {
            buckets.take(&Caller::new(n.to_string()), Cost::Read, now).unwrap();
        }
        let later = now + Duration::from_secs(10);
        buckets.take(&Caller::new("one more"), Cost::Read, later).unwrap();
        assert_eq!(buckets.callers.lock().unwrap().len(), 1);
    }
}
