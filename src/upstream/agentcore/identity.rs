//! Whose keys sign, and who is behind them. New keys are looked for from the beginning, files of `~/.aws` included.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    aws::{AccountError, Aws, CallerIdentity, Identity},
    upstream::{UpstreamError, keys::Source},
};

/// Many requests may find at once that the keys have ended; the first has the others' new ones made.
const RENEWED_TOGETHER: Duration = Duration::from_secs(1);

/// The identity that invokes the runtime.
pub struct Acting {
    make: Box<dyn Fn() -> Arc<Aws> + Send + Sync>,
    current: Mutex<(Arc<Aws>, Option<Instant>)>,
    identity: Identity,
}

impl std::fmt::Debug for Acting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acting")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Acting {
    /// `identity` by way of what `make` makes, which is asked again when AWS no longer takes the keys: the SDK reads a profile's
    /// file only once.
    pub fn new(make: impl Fn() -> Arc<Aws> + Send + Sync + 'static, identity: Identity) -> Self {
        Self {
            current: Mutex::new((make(), None)),
            make: Box::new(make),
            identity,
        }
    }

    /// In words, for hints.
    pub(super) fn name(&self) -> String {
        match &self.identity {
            Identity::Role(session) => session.role.to_string(),
            Identity::Profile(profile) => format!("profile `{profile}`"),
            Identity::Default => "the proxy's AWS identity".to_owned(),
        }
    }

    /// Who the base identity is, from which the acting one may be another.
    pub(super) async fn base(&self) -> Result<CallerIdentity, UpstreamError> {
        let ask = || async { self.aws().whoami(&Identity::Default).await };
        let answer = match ask().await {
            Err(AccountError::Rejected { .. }) => {
                self.renew();
                ask().await
            }
            other => other,
        };
        answer.map_err(|error| {
            self.renew();
            UpstreamError::Account(error)
        })
    }

    fn aws(&self) -> Arc<Aws> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn renew(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.is_none_or(|at| at.elapsed() >= RENEWED_TOGETHER) {
            *current = ((self.make)(), Some(Instant::now()));
        }
    }
}

impl Source for Arc<Acting> {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        Box::pin(async {
            let keys = self.aws().keys(&self.identity).await;
            keys.map(Some).map_err(UpstreamError::Account)
        })
    }

    fn forget(&self) {
        self.renew();
    }
}
