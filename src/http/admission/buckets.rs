//! Two token buckets for each caller, in this process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Cost, refusal::Limit};
use crate::{auth::Caller, config::http::Rate};

/// Callers remembered before those are forgotten whose buckets are full again.
const MANY: usize = 10_000;

/// Everybody's buckets.
pub(super) struct Buckets {
    requests: Option<Rate>,
    writes: Option<Rate>,
    /// When they were all empty; `None` if they began full.
    empty: Option<Instant>,
    callers: Mutex<HashMap<Caller, Full>>,
}

/// When each of a caller's buckets is full again.
#[derive(Clone, Copy)]
struct Full {
    requests: Instant,
    writes: Instant,
}

/// How long until there is a place in a bucket that is full again at `full`.
fn wait(rate: Rate, full: Instant, now: Instant) -> Duration {
    let taken = full.saturating_duration_since(now);
    (taken + rate.interval).saturating_sub(rate.interval * rate.burst)
}

impl Buckets {
    pub(super) fn new(requests: Option<Rate>, writes: Option<Rate>) -> Self {
        Self {
            requests,
            writes,
            empty: None,
            callers: Mutex::default(),
        }
    }

    /// The same, which have nothing to give yet.
    pub(super) fn empty(requests: Option<Rate>, writes: Option<Rate>, now: Instant) -> Self {
        Self {
            empty: Some(now),
            ..Self::new(requests, writes)
        }
    }

    /// Whether a caller was given something, which is forgotten.
    pub(super) fn settle(&self, caller: &Caller) -> bool {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.remove(caller).is_some()
    }

    /// Takes a place, and for a change another among the changes; or neither, and says which bucket is empty for how long.
    pub(super) fn take(&self, caller: &Caller, cost: Cost, now: Instant) -> Result<(), (Limit, Duration)> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MANY && !callers.contains_key(caller) {
            callers.retain(|_, full| full.requests > now || full.writes > now);
        }
        let begun = |rate: Option<Rate>| match (self.empty, rate) {
            (Some(empty), Some(rate)) => empty + rate.interval * rate.burst,
            _ => now,
        };
        let mut full = callers.get(caller).copied().unwrap_or_else(|| Full {
            requests: begun(self.requests),
            writes: begun(self.writes),
        });
        let writes = self.writes.filter(|_| cost == Cost::Write);
        let waits = [
            self.requests.map(|rate| (Limit::Rate, wait(rate, full.requests, now))),
            writes.map(|rate| (Limit::WriteRate, wait(rate, full.writes, now))),
        ];
        let longest = waits.into_iter().flatten().max_by_key(|(_, wait)| *wait);
        if let Some((limit, wait)) = longest.filter(|(_, wait)| !wait.is_zero()) {
            return Err((limit, wait));
        }
        if let Some(rate) = self.requests {
            full.requests = full.requests.max(now) + rate.interval;
        }
        if let Some(rate) = writes {
            full.writes = full.writes.max(now) + rate.interval;
        }
        callers.insert(caller.clone(), full);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flags: &[&str]) -> (Option<Rate>, Option<Rate>) {
        let limits = crate::http::tests::bare_config(flags).limits;
        (limits.request_rate(), limits.write_rate())
    }

    fn buckets() -> Buckets {
        let (requests, writes) = of(&[]);
        Buckets::new(requests, writes)
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
        let (requests, writes) = of(&["--caller-rate", "off", "--caller-write-rate", "off"]);
        let free = Buckets::new(requests, writes);
        assert_eq!(passed(&free, &alice, Cost::Write, now), 100);
        let even = Buckets::new(of(&["--caller-burst", "off"]).0, None);
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

    #[test]
    fn shares_that_begin_empty_never_give_more_together_than_the_whole_would() {
        let (requests, writes) = of(&[]);
        let now = Instant::now();
        let alice = Caller::new("alice");
        let share = |rate: Option<Rate>, n| rate.unwrap().share(n);
        let replicas: Vec<Buckets> = (0..4)
            .map(|_| Buckets::empty(share(requests, 4), share(writes, 4), now))
            .collect();
        for (cost, per_second) in [(Cost::Write, 1), (Cost::Read, 10)] {
            let mut given = 0;
            for tenths in 0..400_u64 {
                let at = now + Duration::from_millis(100 * tenths);
                given += replicas.iter().map(|r| passed(r, &alice, cost, at)).sum::<usize>();
                let whole = usize::try_from(tenths).unwrap() * per_second / 10;
                assert!(given <= whole, "{cost:?}: {given} after {tenths} tenths of a second");
            }
            assert!(given >= 36 * per_second, "{cost:?}: {given}");
            // The second kind of request draws from buckets of its own time.
            replicas.iter().for_each(|r| r.callers.lock().unwrap().clear());
        }
        assert_eq!(share(writes, 6), None, "five places are not enough for six replicas");
    }
}
