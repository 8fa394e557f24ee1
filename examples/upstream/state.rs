//! What the server knows while it runs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::http::StatusCode;
use rmcp::transport::streamable_http_server::session::{SessionManager as _, local::LocalSessionManager};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Caller, Options, auth::Refused, content, fault::Faults, quota::Usage, record::Recorded, verifier::Verifier,
};

pub(super) struct State {
    pub(super) options: Options,
    pub(super) verifier: Option<Verifier>,
    /// Where redirects lead: another origin, which nobody should go to.
    pub(super) elsewhere: String,
    /// Counts the changes of the list of tools.
    pub(super) revision: watch::Sender<usize>,
    book: Mutex<Book>,
}

/// What changes.
pub(super) struct Book {
    pub(super) requests: Vec<Recorded>,
    /// Records before this one were cleared while their requests were being answered.
    cleared: usize,
    pub(super) redirected: usize,
    pub(super) callers: Vec<Caller>,
    pub(super) expired: HashSet<String>,
    pub(super) faults: Faults,
    pub(super) usage: Usage,
    pub(super) sessions: HashMap<String, Owner>,
    pub(super) tools: Vec<Value>,
    pub(super) pages: bool,
    pub(super) stream: bool,
    pub(super) needs_initialize: bool,
    /// The runtime sessions that have seen `notifications/initialized`.
    pub(super) initialized: HashSet<String>,
}

/// Who signed, and for what.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Owner {
    pub(super) access_key: String,
    pub(super) account: String,
    pub(super) arn: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Owner {
    /// An unsigned request's.
    pub(super) fn nobody() -> Self {
        Self {
            account: "unsigned".to_owned(),
            ..Self::default()
        }
    }
}

impl State {
    pub(super) fn new(options: Options, elsewhere: String) -> Self {
        let book = Book {
            requests: Vec::new(),
            cleared: 0,
            redirected: 0,
            callers: options.callers.clone(),
            expired: HashSet::new(),
            faults: Faults::default(),
            usage: Usage::default(),
            sessions: HashMap::new(),
            tools: content::tools(),
            pages: false,
            stream: false,
            needs_initialize: false,
            initialized: HashSet::new(),
        };
        let state = Self {
            verifier: options.verifier.as_deref().map(Verifier::new),
            options,
            elsewhere,
            revision: watch::Sender::new(0),
            book: Mutex::new(book),
        };
        state.book().usage.quotas = state.options.quotas;
        state
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request; the number is for [`State::amend`].
    pub(super) fn record(&self, request: Recorded) -> usize {
        let mut book = self.book();
        book.requests.push(request);
        book.cleared + book.requests.len() - 1
    }

    /// Adds to a request's record what has been found out since.
    pub(super) fn amend(&self, number: usize, change: impl FnOnce(&mut Recorded)) {
        let mut book = self.book();
        let index = number.checked_sub(book.cleared);
        if let Some(record) = index.and_then(|i| book.requests.get_mut(i)) {
            change(record);
        }
    }

    pub(super) fn clear(&self) {
        let mut book = self.book();
        book.cleared += book.requests.len();
        book.requests.clear();
    }

    /// Whose access key it is.
    pub(super) fn caller(&self, access_key: &str) -> Option<Caller> {
        let known = self.book().callers.iter().find(|c| c.access_key == access_key).cloned();
        known.or_else(|| self.options.lookup.as_ref()?(access_key))
    }

    pub(super) fn admit(&self, caller: Caller) {
        let mut book = self.book();
        book.expired.remove(&caller.access_key);
        book.callers.retain(|c| c.access_key != caller.access_key);
        book.callers.push(caller);
    }

    pub(super) fn put_tool(&self, definition: Value) {
        let mut book = self.book();
        match book.tools.iter_mut().find(|t| t.get("name") == definition.get("name")) {
            Some(tool) => *tool = definition,
            None => book.tools.push(definition),
        }
        drop(book);
        self.revision.send_modify(|n| *n += 1);
    }

    pub(super) fn remove_tool(&self, name: &str) {
        self.book()
            .tools
            .retain(|t| t.get("name").and_then(Value::as_str) != Some(name));
        self.revision.send_modify(|n| *n += 1);
    }

    /// Whether one more session would be within the quotas.
    pub(super) fn room_for_session(&self, owner: &Owner) -> Result<(), Refused> {
        let book = self.book();
        let count = |mine: &dyn Fn(&&Owner) -> bool| book.sessions.values().filter(mine).count();
        let account = count(&|o| o.account == owner.account);
        let principal = count(&|o| o.arn == owner.arn);
        let quotas = book.usage.quotas;
        if quotas.sessions.is_some_and(|most| account >= most)
            || quotas.sessions_each.is_some_and(|most| principal >= most)
        {
            return Err(Refused::throttled("Too many sessions"));
        }
        Ok(())
    }

    /// Whether it is the owner's session. A session that somebody else has is none.
    pub(super) fn owns(&self, owner: &Owner, session: &str) -> bool {
        self.book().sessions.get(session).is_some_and(|o| o.arn == owner.arn)
    }

    pub(super) fn answered(&self, number: usize, status: StatusCode) {
        self.amend(number, |record| record.status = Some(status));
    }
}

/// Ends one session, open streams included.
pub(super) async fn lose_session(state: &State, sessions: &LocalSessionManager, id: &str) {
    state.book().sessions.remove(id);
    // A session that is gone already is what is wanted.
    let _ = sessions.close_session(&id.into()).await;
}

pub(super) async fn lose_sessions(state: &State, sessions: &LocalSessionManager) {
    state.book().initialized.clear();
    let ids: Vec<String> = state.book().sessions.keys().cloned().collect();
    for id in ids {
        lose_session(state, sessions, &id).await;
    }
}
