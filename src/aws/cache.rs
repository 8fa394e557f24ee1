//! A bounded cache of things that expire: one fetch at a time for each key, renewed before the end, failures remembered briefly.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use lru::LruCache;
use tokio::sync::Mutex as AsyncMutex;

/// Renewal begins this long before the end, as AWS's own SDKs advise for role sessions.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// Renewals are spread over this much more, so that a fleet's sessions don't renew at one moment.
pub const REFRESH_JITTER: Duration = Duration::from_secs(60);

/// The time, injected so that tests need not wait.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> SystemTime;
}

/// The real clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A value and when it ends, or an error and for how long it counts.
pub trait Lifetime {
    /// When the value ends; `None` means never.
    fn expires(&self) -> Option<SystemTime>;
}

/// For how long a failure is answered from memory.
pub trait Remembered {
    /// How long.
    fn remembered(&self) -> Duration;
}

struct Entry<V, E> {
    current: RwLock<Option<Held<V>>>,
    flight: AsyncMutex<Option<(E, SystemTime)>>,
}

struct Held<V> {
    value: V,
    expires: Option<SystemTime>,
    refresh: Option<SystemTime>,
}

impl<V: Clone> Held<V> {
    fn usable(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|end| now < end)
    }

    fn fresh(&self, now: SystemTime) -> bool {
        self.usable(now) && self.refresh.is_none_or(|at| now < at)
    }
}

/// The cache. The least recently used entry goes when it is full.
pub struct Cache<K, V, E> {
    entries: Mutex<LruCache<K, Arc<Entry<V, E>>>>,
    clock: Arc<dyn Clock>,
}

impl<K: Clone + Eq + Hash, V: Clone + Lifetime, E: Clone + Remembered> Cache<K, V, E> {
    /// A cache of at most `capacity` entries; `None` sets no bound.
    pub fn new(capacity: Option<usize>, clock: Arc<dyn Clock>) -> Self {
        let entries = match capacity.and_then(NonZeroUsize::new) {
            Some(capacity) => LruCache::new(capacity),
            None => LruCache::unbounded(),
        };
        Self {
            entries: Mutex::new(entries),
            clock,
        }
    }

    /// The value of `key`, fetched if need be. Everybody who asks for the same key meanwhile waits for the same fetch.
    ///
    /// # Errors
    /// What `fetch` said, now or a moment ago. A value that has not ended yet survives a failed renewal.
    pub async fn get<F: Future<Output = Result<V, E>>>(&self, key: &K, fetch: impl FnOnce() -> F) -> Result<V, E> {
        let entry = self.entry(key);
        let now = self.clock.now();
        let usable = match &*entry.current.read().unwrap_or_else(PoisonError::into_inner) {
            Some(held) if held.fresh(now) => return Ok(held.value.clone()),
            Some(held) if held.usable(now) => Some(held.value.clone()),
            _ => None,
        };
        // While somebody renews it, everybody else goes on with what there is.
        let mut failed = match (entry.flight.try_lock(), &usable) {
            (Ok(flight), _) => flight,
            (Err(_), Some(value)) => return Ok(value.clone()),
            (Err(_), None) => entry.flight.lock().await,
        };
        let now = self.clock.now();
        if let Some(held) = &*entry.current.read().unwrap_or_else(PoisonError::into_inner)
            && held.fresh(now)
        {
            return Ok(held.value.clone());
        }
        if let Some((error, until)) = &*failed
            && now < *until
        {
            return usable.ok_or_else(|| error.clone());
        }
        match fetch().await {
            Ok(value) => {
                *failed = None;
                let held = Held {
                    expires: value.expires(),
                    refresh: refresh_at(&value),
                    value: value.clone(),
                };
                *entry.current.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
                Ok(value)
            }
            Err(error) => {
                *failed = Some((error.clone(), self.clock.now() + error.remembered()));
                usable.ok_or(error)
            }
        }
    }

    /// Forgets `key`, because AWS no longer takes what was kept.
    pub fn forget(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).pop(key);
    }

    /// How many entries are kept.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entry(&self, key: &K) -> Arc<Entry<V, E>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(key) {
            return entry.clone();
        }
        let entry = Arc::new(Entry {
            current: RwLock::new(None),
            flight: AsyncMutex::new(None),
        });
        entries.put(key.clone(), entry.clone());
        entry
    }
}

/// When renewal begins: five to six minutes before the end, but not in the first half of a short life.
fn refresh_at<V: Lifetime>(value: &V) -> Option<SystemTime> {
    let mut random = [0_u8; 2];
    // Without randomness all renew at the same distance: worse, not wrong.
    let _ = getrandom::fill(&mut random);
    let jitter = REFRESH_JITTER.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX));
    value.expires()?.checked_sub(REFRESH_BEFORE + jitter)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(SeqCst))
        }
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Until(u64, usize);

    impl Lifetime for Until {
        fn expires(&self) -> Option<SystemTime> {
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(self.0))
        }
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Denied;

    impl Remembered for Denied {
        fn remembered(&self) -> Duration {
            Duration::from_secs(30)
        }
    }

    struct Probe {
        cache: Cache<&'static str, Until, Denied>,
        hand: Arc<Hand>,
        fetches: AtomicUsize,
    }

    impl Probe {
        fn new(capacity: usize) -> Self {
            let hand = Arc::new(Hand::default());
            Self {
                cache: Cache::new(Some(capacity), hand.clone()),
                hand,
                fetches: AtomicUsize::new(0),
            }
        }

        async fn get(&self, key: &'static str, answer: Result<u64, Denied>) -> Result<Until, Denied> {
            let fetch = || async {
                tokio::task::yield_now().await;
                let nth = self.fetches.fetch_add(1, SeqCst) + 1;
                answer.map(|end| Until(end, nth))
            };
            self.cache.get(&key, fetch).await
        }
    }

    #[tokio::test]
    async fn a_thousand_cold_callers_make_one_fetch() {
        let probe = Arc::new(Probe::new(8));
        let all = (0..1000).map(|_| {
            let probe = probe.clone();
            tokio::spawn(async move { probe.get("role", Ok(3600)).await.unwrap() })
        });
        for task in all.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), Until(3600, 1));
        }
        assert_eq!(probe.fetches.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn renewed_five_to_six_minutes_before_the_end() {
        let probe = Probe::new(8);
        probe.get("role", Ok(3600)).await.unwrap();
        probe.hand.0.store(3600 - 361, SeqCst);
        assert_eq!(probe.get("role", Ok(7200)).await, Ok(Until(3600, 1)));
        probe.hand.0.store(3600 - 300, SeqCst);
        assert_eq!(probe.get("role", Ok(7200)).await, Ok(Until(7200, 2)));
    }

    #[tokio::test]
    async fn a_failed_renewal_leaves_the_old_value_until_its_end() {
        let probe = Probe::new(8);
        probe.get("role", Ok(3600)).await.unwrap();
        probe.hand.0.store(3500, SeqCst);
        assert_eq!(probe.get("role", Err(Denied)).await, Ok(Until(3600, 1)));
        probe.hand.0.store(3600, SeqCst);
        assert_eq!(probe.get("role", Err(Denied)).await, Err(Denied));
    }

    #[tokio::test]
    async fn a_denial_is_remembered_for_its_time() {
        let probe = Probe::new(8);
        for _ in 0..3 {
            assert_eq!(probe.get("role", Err(Denied)).await, Err(Denied));
        }
        assert_eq!(probe.fetches.load(SeqCst), 1);
        probe.hand.0.store(30, SeqCst);
        assert_eq!(probe.get("role", Ok(3600)).await, Ok(Until(3600, 2)));
    }

    #[tokio::test]
    async fn the_least_recently_used_goes_first() {
        let probe = Probe::new(2);
        for key in ["a", "b", "a", "c"] {
            probe.get(key, Ok(3600)).await.unwrap();
        }
        assert_eq!((probe.cache.len(), probe.fetches.load(SeqCst)), (2, 3));
        probe.get("a", Ok(3600)).await.unwrap();
        assert_eq!(probe.fetches.load(SeqCst), 3);
        probe.cache.forget(&"a");
        probe.get("a", Ok(3600)).await.unwrap();
        assert_eq!(probe.fetches.load(SeqCst), 4);
    }
}
