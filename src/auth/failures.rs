//! Guessing tokens is slowed down per client address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures are counted in windows of this length.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at once. What comes beyond shares one count, so that neither memory nor guessing gets out of hand.
const MAX_ADDRESSES: usize = 10_000;

/// Counts failed authentications. Only failures are ever held up: a right token always passes.
pub struct AuthFailures {
    max: Option<usize>,
    counts: Mutex<Counts>,
}

struct Counts {
    by_address: HashMap<IpAddr, Count>,
    others: Option<Count>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Instant,
    failures: usize,
}

impl AuthFailures {
    /// Allows `max` failures a minute; `None` allows any number.
    pub fn new(max: Option<usize>) -> Self {
        Self {
            max,
            counts: Mutex::new(Counts {
                by_address: HashMap::new(),
                others: None,
                swept: None,
            }),
        }
    }

    /// Notes a failure. `Some` says that this address has failed too often, and for how long that lasts.
    pub fn record(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let max = self.max?;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.of(network(address), now);
        if now.duration_since(count.since) >= WINDOW {
            *count = Count {
                since: now,
                failures: 0,
            };
        }
        count.failures = count.failures.saturating_add(1);
        (count.failures > max).then(|| WINDOW.saturating_sub(now.duration_since(count.since)))
    }
}

impl Counts {
    fn of(&mut self, address: IpAddr, now: Instant) -> &mut Count {
        let fresh = Count {
            since: now,
            failures: 0,
        };
        if self.by_address.len() >= MAX_ADDRESSES && !self.by_address.contains_key(&address) {
            // Sweeping costs a pass over the map: once a second is enough.
            if self
                .swept
                .is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1))
            {
                self.by_address.retain(|_, c| now.duration_since(c.since) < WINDOW);
                self.swept = Some(now);
            }
            if self.by_address.len() >= MAX_ADDRESSES {
                return self.others.get_or_insert(fresh);
            }
        }
        self.by_address.entry(address).or_insert(fresh)
    }
}

/// One IPv6 customer has a /64 to draw addresses from, so it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_eleventh_failure_in_a_minute_waits_and_other_addresses_do_not() {
        let failures = AuthFailures::new(Some(10));
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(failures.record(ip("192.0.2.1"), start), None);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(failures.record(ip("192.0.2.1"), later), Some(Duration::from_secs(40)));
        assert_eq!(failures.record(ip("192.0.2.2"), later), None);
        assert_eq!(failures.record(ip("192.0.2.1"), start + WINDOW), None);
    }

    #[test]
    fn an_ipv6_network_counts_once_and_a_mapped_address_is_its_ipv4_one() {
        let failures = AuthFailures::new(Some(1));
        let now = Instant::now();
        assert_eq!(failures.record(ip("2001:db8::1"), now), None);
        assert!(failures.record(ip("2001:db8::ffff:2"), now).is_some());
        assert_eq!(failures.record(ip("2001:db8:0:1::1"), now), None);
        assert_eq!(failures.record(ip("192.0.2.1"), now), None);
        assert!(failures.record(ip("::ffff:192.0.2.1"), now).is_some());
    }

    #[test]
    fn many_addresses_take_bounded_memory_and_are_still_held_up() {
        let failures = AuthFailures::new(Some(10));
        let now = Instant::now();
        let last = (0..20_000_u32)
            .map(|n| failures.record(IpAddr::V4((0x0a00_0000 + n).into()), now))
            .last();
        assert!(last.unwrap().is_some());
        assert_eq!(failures.counts.lock().unwrap().by_address.len(), MAX_ADDRESSES);
        assert_eq!(failures.record(ip("192.0.2.9"), now + WINDOW), None);
        assert_eq!(failures.counts.lock().unwrap().by_address.len(), 1);
    }

    #[test]
    fn no_limit_counts_nothing() {
        let failures = AuthFailures::new(None);
        assert!((0..100).all(|_| failures.record(ip("192.0.2.1"), Instant::now()).is_none()));
    }
}
