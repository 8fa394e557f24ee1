//! A target that is down costs its callers' time once and not with every call: after some failures in a row its calls fail at
//! once for a while, then one of them tries.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;
use rmcp::model::CallToolResponse;
use serde_json::Value;

use crate::{
    aws::{AccountError, Identity, Target, cache::Clock},
    config::{AwsLimits, Region},
    ops::{ErrorCode, OpError},
};

/// Failing targets that are remembered.
const MANY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Whose credentials, where, and by which way. The caller is in the identity: nobody's failures stop somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    identity: Identity,
    region: Option<Region>,
    forwarded: bool,
}

/// The targets that failed lately.
pub(super) struct Circuits {
    most: Option<usize>,
    pause: Duration,
    clock: Arc<dyn Clock>,
    failing: Mutex<LruCache<Key, Failing>>,
}

/// A target whose last calls failed.
struct Failing {
    in_a_row: usize,
    until: SystemTime,
    probed: bool,
    last: String,
}

/// A call on its way. Dropping it says nothing about the target.
pub(super) struct Passage<'a> {
    circuits: &'a Circuits,
    key: Key,
    probe: bool,
}

/// What a result says about its target.
enum Verdict {
    Up,
    Down(String),
    Neither,
}

impl Key {
    /// Of a target as the selector means it, whatever its session may do.
    pub(super) fn of(target: &Target, forwarded: bool) -> Self {
        Self {
            identity: target.identity.without_purpose(),
            region: target.region,
            forwarded,
        }
    }
}

impl Circuits {
    pub(super) fn new(limits: &AwsLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            most: limits
                .target_failures
                .get()
                .filter(|_| limits.target_pause.get().is_some()),
            pause: limits.target_pause.get().unwrap_or_default(),
            clock,
            failing: Mutex::new(LruCache::new(MANY)),
        }
    }

    /// Lets a call through to its target.
    ///
    /// # Errors
    /// [`OpError::Paused`], if the last calls there failed.
    pub(super) fn enter(&self, key: Key) -> Result<Passage<'_>, OpError> {
        let mut probe = false;
        let now = self.clock.now();
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = failing
            .get_mut(&key)
            .filter(|t| self.most.is_some_and(|most| t.in_a_row >= most))
        {
            let left = target.until.duration_since(now).unwrap_or_default();
            // So far off it can only be because the clock was set back.
            let paused = !left.is_zero() && left <= self.pause;
            if paused || target.probed {
                return Err(OpError::Paused {
                    left,
                    in_a_row: target.in_a_row,
                    last: target.last.clone(),
                });
            }
            target.probed = true;
            probe = true;
        }
        drop(failing);
        Ok(Passage {
            circuits: self,
            key,
            probe,
        })
    }

    /// Notes a failure that says that the target is down.
    pub(super) fn failed(&self, key: &Key, last: String) {
        let Some(most) = self.most else { return };
        let until = self.clock.now() + self.pause;
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let target = failing.get_or_insert_mut(key.clone(), || Failing {
            in_a_row: 0,
            until,
            probed: false,
            last: String::new(),
        });
        target.in_a_row += 1;
        target.until = until;
        target.probed = false;
        target.last = last;
        if target.in_a_row == most {
            tracing::warn!(identity = ?Shown(&key.identity), region = ?key.region.map(|r| r.as_str()), error = ?target.last, "target paused");
        }
    }

    fn answered(&self, key: &Key) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.pop(key);
    }
}

impl Passage<'_> {
    /// Learns from what came of the call.
    pub(super) fn end(self, result: &Result<CallToolResponse, OpError>) {
        match verdict(result) {
            Verdict::Up => self.circuits.answered(&self.key),
            Verdict::Down(last) => self.circuits.failed(&self.key, last),
            Verdict::Neither => {}
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        let mut failing = self.circuits.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = failing.peek_mut(&self.key) {
            target.probed = false;
        }
    }
}

/// An identity by its name alone.
struct Shown<'a>(&'a Identity);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Identity::Role(session) => write!(f, "{}", session.role),
            Identity::Profile(profile) => write!(f, "profile {profile}"),
            Identity::Default => f.write_str("default"),
        }
    }
}

/// Only silence and a refused sign-in mean that the target is down. Being throttled means that it is there, and too much is
/// asked of it.
fn verdict(result: &Result<CallToolResponse, OpError>) -> Verdict {
    match result {
        Err(OpError::Account(error)) => match error {
            AccountError::AssumeDenied { .. } | AccountError::Rejected { .. } | AccountError::Unreachable { .. } => {
                let hint = error.hint().unwrap_or_default();
                Verdict::Down(format!("{error}. {hint}"))
            }
            _ => Verdict::Neither,
        },
        Err(error) => of_code(error.code(), || error.to_string()),
        Ok(CallToolResponse::Complete(answer)) => {
            let error = answer.structured_content.as_ref().and_then(|body| body.get("error"));
            let Some(error) = error else { return Verdict::Up };
            let message = || {
                error
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let code = error.get("code").cloned().map(serde_json::from_value);
            code.and_then(Result::ok)
                .map_or(Verdict::Neither, |code| of_code(code, message))
        }
        Ok(_) => Verdict::Neither,
    }
}

fn of_code(code: ErrorCode, message: impl Fn() -> String) -> Verdict {
    match code {
        ErrorCode::Unreachable | ErrorCode::Timeout => Verdict::Down(message()),
        ErrorCode::AccessDenied | ErrorCode::NotFound | ErrorCode::Conflict | ErrorCode::Aws => Verdict::Up,
        _ => Verdict::Neither,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use rmcp::model::CallToolResult;

    use super::*;
    use crate::config::AwsConfig;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + self.0.load(SeqCst))
        }
    }

    fn circuits(flags: &[&str]) -> (Circuits, Arc<Hand>) {
        let hand = Arc::new(Hand::default());
        (Circuits::new(&AwsConfig::for_tests(flags).limits, hand.clone()), hand)
    }

    fn key(region: Region) -> Key {
        Key {
            identity: Identity::Default,
            region: Some(region),
            forwarded: false,
        }
    }

    /// A call with this result: whether it was let through, and to what end.
    fn call(circuits: &Circuits, result: Result<CallToolResponse, OpError>) -> Result<(), OpError> {
        circuits.enter(key(Region::DEFAULT))?.end(&result);
        Ok(())
    }

    fn down() -> Result<CallToolResponse, OpError> {
        Err(OpError::Unreachable("dispatch failure: no route".to_owned()))
    }

    fn up() -> Result<CallToolResponse, OpError> {
        Ok(CallToolResult::default().into())
    }

    #[test]
    fn five_failures_in_a_row_pause_a_target_for_ten_seconds_and_then_one_call_tries() {
        let (circuits, hand) = circuits(&[]);
        for _ in 0..5 {
            call(&circuits, down()).unwrap();
        }
        let refused = call(&circuits, up()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unreachable);
        assert!(refused.retryable());
        let CallToolResponse::Complete(answer) = CallToolResult::from(refused).into() else {
            panic!("no answer");
        };
        let hint = answer.structured_content.unwrap()["error"]["hint"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(hint.contains("no route") && hint.contains("10 s"), "{hint}");
        // Elsewhere all is well.
        assert!(circuits.enter(key("eu-west-1".parse().unwrap())).is_ok());

        hand.0.store(10, SeqCst);
        let probe = circuits.enter(key(Region::DEFAULT)).unwrap();
        assert!(call(&circuits, up()).is_err(), "one at a time");
        probe.end(&down());
        assert!(call(&circuits, up()).is_err(), "paused anew");
        hand.0.store(20, SeqCst);
        call(&circuits, up()).unwrap();
        for _ in 0..5 {
            call(&circuits, down()).unwrap();
        }
        assert!(call(&circuits, up()).is_err());
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_the_next_one_its_turn() {
        let (circuits, hand) = circuits(&[]);
        for _ in 0..5 {
            circuits.failed(&key(Region::DEFAULT), "no answer within 40s".to_owned());
        }
        assert!(call(&circuits, up()).is_err());
        hand.0.store(10, SeqCst);
        drop(circuits.enter(key(Region::DEFAULT)).unwrap());
        call(&circuits, up()).unwrap();
        hand.0.store(0, SeqCst);
        call(&circuits, up()).unwrap();
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew_and_what_says_nothing_does_not_count() {
        let aws = |code: &str| {
            Err(OpError::Aws {
                aws_code: code.to_owned(),
                message: String::new(),
                request_id: None,
                status: 400,
            })
        };
        let (circuits, _) = circuits(&[]);
        for between in [up(), aws("AccessDenied"), aws("NoSuchKey"), aws("InvalidChangeBatch")] {
            for _ in 0..4 {
                call(&circuits, down()).unwrap();
            }
            call(&circuits, between).unwrap();
        }
        for _ in 0..20 {
            call(&circuits, Err(OpError::InvalidInput("no".to_owned()))).unwrap();
            call(&circuits, aws("Throttling")).unwrap();
            let throttled = AccountError::Throttled { message: String::new() };
            call(&circuits, Err(throttled.into())).unwrap();
        }
        for _ in 0..4 {
            call(&circuits, down()).unwrap();
        }
        call(&circuits, up()).unwrap();
    }

    #[test]
    fn a_refused_sign_in_counts_and_is_told_with_its_remedy() {
        let (circuits, _) = circuits(&["--target-failures", "1"]);
        let refused = AccountError::AssumeDenied {
            role: "arn:aws:iam::222222222222:role/aws-ops-target".parse().unwrap(),
            message: "User: arn:aws:iam::111111111111:user/x is not authorized".to_owned(),
            request_id: None,
        };
        call(&circuits, Err(refused.into())).unwrap();
        let OpError::Paused { last, .. } = call(&circuits, up()).unwrap_err() else {
            panic!("not paused");
        };
        assert!(last.contains("trust policy") && last.contains("222222222222"), "{last}");
    }

    #[test]
    fn off_pauses_nothing() {
        for flag in ["--target-failures", "--target-pause"] {
            let (circuits, _) = circuits(&[flag, "off"]);
            for _ in 0..20 {
                call(&circuits, down()).unwrap();
            }
        }
    }
}
