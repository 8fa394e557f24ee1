//! What a tool sees: the target's clients, the limits, and the one shape in which it answers.

pub mod declare;
pub mod error;
mod hide;
pub mod page;
pub mod reply;
pub mod time;

use std::{sync::Arc, time::Duration};

use aws_types::SdkConfig;
use tokio::time::Instant;

use crate::aws::{Accounts, Session};

pub use crate::aws::{AccountId, resource_types};
pub use declare::{Access, Declaration, Declare, declare, local};
pub use error::{ErrorCode, OpError};
pub use hide::without_secrets;
pub use page::{Page, Pager};
pub use reply::{Json, Receipt, Reply, ok};
pub use time::{dated, iso, moment, size};

/// One call's view of the world. The server makes one for each target; a tool is a method of it.
#[derive(Clone)]
pub struct Ops {
    session: Option<Arc<Session>>,
    accounts: Arc<Accounts>,
    account: Option<AccountId>,
    max_result_bytes: Option<usize>,
    deadline: Option<Instant>,
    listener: Option<Listener>,
}

/// Does what a call that was given up leaves to be done.
pub fn afterwards(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

/// Whoever hears how far a call has got.
pub type Listener = Arc<dyn Fn(String) + Send + Sync>;

impl Ops {
    /// For a tool that works in a target.
    pub fn new(
        session: Option<Arc<Session>>,
        accounts: Arc<Accounts>,
        account: Option<AccountId>,
        max_result_bytes: Option<usize>,
    ) -> Self {
        Self {
            session,
            accounts,
            account,
            max_result_bytes,
            deadline: None,
            listener: None,
        }
    }

    /// The same, for a call that must have answered by then.
    #[must_use]
    pub fn until(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// The same, for a call that somebody listens to.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self {
            listener: Some(listener),
            ..self
        }
    }

    /// When a tool that could go on should answer with what it has: a moment before the call's time is up.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells a client that asked for it how far the call has got.
    pub fn progress(&self, said: impl Into<String>) {
        if let Some(listener) = &self.listener {
            listener(said.into());
        }
    }

    /// Waits before AWS is asked again. `false`, without a wait, when the call would end before it could use the answer.
    pub async fn pause(&self, time: Duration) -> bool {
        if self.deadline.is_some_and(|end| Instant::now() + time > end) {
            return false;
        }
        tokio::time::sleep(time).await;
        true
    }

    /// A service's client for this target.
    ///
    /// # Errors
    /// [`OpError::Internal`] for a tool that was declared to need no target.
    pub fn client<C: Clone + Send + Sync + 'static>(&self, make: impl Fn(&SdkConfig) -> C) -> Result<C, OpError> {
        Ok(self.session()?.client(make))
    }

    /// The signed-in target.
    ///
    /// # Errors
    /// As [`Ops::client`].
    pub fn session(&self) -> Result<&Arc<Session>, OpError> {
        self.session
            .as_ref()
            .ok_or_else(|| OpError::internal("a tool without a target asked for a client"))
    }

    /// The account the target is in, where it is known.
    pub fn account_id(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// The registered accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The time, for ages of what is shown.
    pub fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    /// How much data a result may hold: half of the limit, because the text form repeats what the structured one says.
    pub fn data_limit(&self) -> usize {
        self.max_result_bytes.map_or(usize::MAX, |bytes| bytes / 2)
    }

    /// Collects the pages of a list.
    pub fn pager(&self, max_results: Option<u32>, next_token: Option<String>) -> Pager {
        Pager::new(max_results, next_token, self.data_limit()).until(self.deadline)
    }
}
