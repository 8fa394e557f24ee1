//! How often AWS is asked where its limit is shared with others, and being throttled stops them too: STS, the AWS MCP Server.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::cache::Clock;

/// The longest that a call waits for its turn. Who comes later is told so, rather than left until a deadline.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// More is waiting already than [`LONGEST_WAIT`] has turns for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// A token bucket that holds one second's worth. Turns are given in the order in which they are asked for.
pub struct Limiter {
    /// Time between two turns; `None` sets no limit.
    interval: Option<Duration>,
    burst: Duration,
    clock: Arc<dyn Clock>,
    /// When the bucket would be full again.
    full: Mutex<SystemTime>,
}

impl Limiter {
    /// At most `rate` in a second.
    pub fn new(rate: Option<usize>, clock: Arc<dyn Clock>) -> Self {
        let rate = rate.and_then(|r| u32::try_from(r).ok()).filter(|r| *r > 0);
        let interval = rate.map(|rate| Duration::from_secs(1) / rate);
        Self {
            interval,
            burst: Duration::from_secs(1).saturating_sub(interval.unwrap_or_default()),
            clock,
            full: Mutex::new(SystemTime::UNIX_EPOCH),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`TooMany`], if it would come too late.
    pub async fn turn(&self) -> Result<(), TooMany> {
        let wait = self.reserve().ok_or(TooMany)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How long until the turn that is taken by asking; `None` takes none.
    fn reserve(&self) -> Option<Duration> {
        let Some(interval) = self.interval else {
            return Some(Duration::ZERO);
        };
        let now = self.clock.now();
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = full.duration_since(now).unwrap_or_default();
        // So far ahead it can only be because the clock was set back, and that must make nobody wait.
        let ahead = if ahead > LONGEST_WAIT + self.burst + interval {
            Duration::ZERO
        } else {
            ahead
        };
        let wait = ahead.saturating_sub(self.burst);
        if wait > LONGEST_WAIT {
            return None;
        }
        *full = now + ahead + interval;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_millis(self.0.load(SeqCst))
        }
    }

    fn limiter(rate: Option<usize>) -> (Limiter, Arc<Hand>) {
        let hand = Arc::new(Hand::default());
        (Limiter::new(rate, hand.clone()), hand)
    }

    fn at_once(limiter: &Limiter) -> usize {
        (0..1000)
            .take_while(|_| limiter.reserve() == Some(Duration::ZERO))
            .count()
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_the_rest_in_turn() {
        let (limiter, hand) = limiter(Some(50));
        let waits: Vec<u128> = (0..53).map(|_| limiter.reserve().unwrap().as_millis()).collect();
        assert!(waits[..50].iter().all(|w| *w == 0), "{waits:?}");
        assert_eq!(waits[50..], [20, 40, 60]);
        hand.0.store(60, SeqCst);
        assert_eq!(limiter.reserve().unwrap().as_millis(), 20);
        hand.0.store(60_000, SeqCst);
        assert_eq!(at_once(&limiter), 50);
    }

    #[test]
    fn who_would_wait_too_long_is_told_and_takes_no_turn() {
        let (limiter, hand) = limiter(Some(50));
        let given = (0..2000).take_while(|_| limiter.reserve().is_some()).count();
        assert_eq!(given, 550);
        assert_eq!(limiter.reserve(), None);
        hand.0.store(20, SeqCst);
        assert_eq!(limiter.reserve(), Some(LONGEST_WAIT));
        assert_eq!(limiter.reserve(), None);
    }

    #[test]
    fn off_is_no_limit_and_one_a_second_is_one() {
        assert_eq!(at_once(&limiter(None).0), 1000);
        assert_eq!(at_once(&limiter(Some(1)).0), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nobody() {
        let (limiter, hand) = limiter(Some(50));
        hand.0.store(3_600_000, SeqCst);
        limiter.reserve().unwrap();
        hand.0.store(0, SeqCst);
        assert_eq!(at_once(&limiter), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_waited_for() {
        let (limiter, _) = limiter(Some(2));
        let begun = tokio::time::Instant::now();
        let turns = futures::future::join_all((0..4).map(|_| limiter.turn())).await;
        assert!(turns.iter().all(Result::is_ok));
        assert_eq!(begun.elapsed().as_millis(), 1000);
    }
}
