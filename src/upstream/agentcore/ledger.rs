//! Who is waiting for what. A request may be answered in another exchange than its own: a server that asks the client something in
//! the midst of a call may answer the call in reply to the client's response. So a request fails when nobody is left to answer it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;

/// An id as a key: `1` and `"1"` differ.
pub(super) type Key = String;

/// The requests that are open.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    open: HashMap<Key, Open>,
    /// The server's requests that the client has not answered, and the client's requests they came up in.
    asked: HashMap<Key, Key>,
}

#[derive(Debug)]
struct Open {
    id: Value,
    /// Exchanges that may still bring the answer.
    exchanges: usize,
    cancelled: CancellationToken,
    fault: Option<Fault>,
    done: oneshot::Sender<()>,
}

/// What the sender of a request may wait for.
#[derive(Debug)]
pub(super) struct Opened {
    /// The client no longer wants an answer.
    pub(super) cancelled: CancellationToken,
    /// Ends when the answer has been passed on, or an error in its stead.
    pub(super) done: oneshot::Receiver<()>,
}

/// Kept until the answer has been passed on.
#[derive(Debug)]
pub(super) struct Done(#[expect(dead_code, reason = "dropping it tells whoever waits")] oneshot::Sender<()>);

/// The key of an id.
pub(super) fn key(id: &Value) -> Key {
    id.to_string()
}

impl Ledger {
    /// A request of the client begins. `None` if its id is in use.
    pub(super) fn open(&self, id: &Value) -> Option<Opened> {
        let mut book = self.book();
        if book.open.contains_key(&key(id)) {
            return None;
        }
        let (done, waiting) = oneshot::channel();
        let cancelled = CancellationToken::new();
        let open = Open {
            id: id.clone(),
            exchanges: 1,
            cancelled: cancelled.clone(),
            fault: None,
            done,
        };
        book.open.insert(key(id), open);
        Some(Opened {
            cancelled,
            done: waiting,
        })
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.book().open.len()
    }

    /// Whether a request still waits.
    pub(super) fn is_open(&self, key: &str) -> bool {
        self.book().open.contains_key(key)
    }

    /// The server asks the client something, in an exchange that owes an answer to `owner`.
    pub(super) fn asked(&self, question: &Value, owner: &str) {
        let mut book = self.book();
        if book.open.contains_key(owner) {
            book.asked.insert(key(question), owner.to_owned());
        }
    }

    /// The client answers the server. The exchange that takes the answer there owes one to the request that is told.
    pub(super) fn resume(&self, question: &Value) -> Option<Key> {
        let mut book = self.book();
        let owner = book.asked.remove(&key(question))?;
        book.open.get_mut(&owner)?.exchanges += 1;
        Some(owner)
    }

    /// The answer of a request is here. `None` if nobody waits for it.
    pub(super) fn answered(&self, id: &Value) -> Option<Done> {
        self.book().close(&key(id)).map(|open| Done(open.done))
    }

    /// An exchange has ended. If nobody is left to answer: who must be told what.
    pub(super) fn ended(&self, key: &str, fault: Option<Fault>) -> Option<(Value, Fault, Done)> {
        let mut book = self.book();
        let unanswered = book.asked.values().any(|owner| owner == key);
        let open = book.open.get_mut(key)?;
        open.exchanges = open.exchanges.saturating_sub(1);
        let broke = fault.is_some();
        open.fault = fault.or(open.fault.take());
        if open.exchanges > 0 || (unanswered && !broke) {
            return None;
        }
        let open = book.close(key)?;
        let fault = open.fault.unwrap_or_else(Fault::unanswered);
        (!open.cancelled.is_cancelled()).then_some((open.id, fault, Done(open.done)))
    }

    /// The client no longer wants an answer.
    pub(super) fn cancel(&self, id: &Value) {
        if let Some(open) = self.book().open.get(&key(id)) {
            open.cancelled.cancel();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn close(&mut self, key: &str) -> Option<Open> {
        self.asked.retain(|_, owner| owner != key);
        self.open.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_fails_when_its_last_exchange_has_ended() {
        let ledger = Ledger::default();
        let _opened = ledger.open(&json!(1)).unwrap();
        assert!(ledger.open(&json!(1)).is_none() && ledger.open(&json!("1")).is_some());
        let (id, fault, _) = ledger.ended("1", None).unwrap();
        assert_eq!((id, fault), (json!(1), Fault::unanswered()));
        assert!(ledger.ended("1", None).is_none() && !ledger.is_open("1"));
    }

    #[test]
    fn an_open_question_keeps_the_request_open_and_its_answer_goes_on_with_it() {
        let ledger = Ledger::default();
        let _opened = ledger.open(&json!(1)).unwrap();
        ledger.asked(&json!("q"), "1");
        assert!(ledger.ended("1", None).is_none() && ledger.is_open("1"));
        assert_eq!(ledger.resume(&json!("q")).as_deref(), Some("1"));
        assert_eq!(ledger.resume(&json!("q")), None);
        assert!(ledger.answered(&json!(1)).is_some());
        assert!(ledger.ended("1", Some(Fault::missing())).is_none());
    }

    #[test]
    fn an_answer_to_a_question_before_the_first_exchange_has_ended_loses_nothing() {
        let ledger = Ledger::default();
        let _opened = ledger.open(&json!(1)).unwrap();
        ledger.asked(&json!("q"), "1");
        ledger.resume(&json!("q")).unwrap();
        assert!(ledger.ended("1", Some(Fault::missing())).is_none());
        let (_, fault, _) = ledger.ended("1", None).unwrap();
        assert_eq!(fault, Fault::missing());
    }

    #[test]
    fn a_broken_exchange_ends_a_request_whose_question_is_open() {
        let ledger = Ledger::default();
        let _opened = ledger.open(&json!(1)).unwrap();
        ledger.asked(&json!("q"), "1");
        assert!(ledger.ended("1", Some(Fault::missing())).is_some());
        assert_eq!(ledger.resume(&json!("q")), None);
    }

    #[test]
    fn nobody_is_told_of_what_was_cancelled() {
        let ledger = Ledger::default();
        let opened = ledger.open(&json!(1)).unwrap();
        ledger.cancel(&json!(1));
        assert!(opened.cancelled.is_cancelled());
        assert!(ledger.ended("1", Some(Fault::missing())).is_none() && ledger.len() == 0);
    }
}
