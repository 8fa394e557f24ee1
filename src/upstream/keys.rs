//! The keys that requests are signed with, asked for anew with every request.

use std::sync::Arc;

use aws_credential_types::Credentials;
use futures::future::BoxFuture;

use crate::aws::{AccountError, Aws, Identity};

use super::UpstreamError;

/// Where the keys of a client come from. It is asked for every request, so keys that are renewed in between need no new client.
#[derive(Clone)]
pub struct Keys(Arc<dyn Source>);

/// A source of keys.
pub trait Source: Send + Sync {
    /// The keys as they are now; `None` leaves the request unsigned.
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>>;

    /// AWS no longer takes the keys: the next that are asked for must be new ones.
    fn forget(&self) {}
}

impl Keys {
    /// Over a source.
    pub fn new(source: impl Source + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// An identity's, as the rest of the process uses them: kept, and renewed before they end.
    pub fn of(aws: Arc<Aws>, identity: Identity) -> Self {
        Self::new(OfIdentity { aws, identity })
    }

    /// These keys and no others.
    pub fn fixed(keys: Credentials) -> Self {
        Self::new(Fixed(keys))
    }

    /// The same, but no signature where there are no keys at all. Wrong or expired ones are still an error.
    #[must_use]
    pub fn or_unsigned(self) -> Self {
        Self::new(OrUnsigned(self))
    }

    /// The keys as they are now.
    ///
    /// # Errors
    /// [`UpstreamError::Credentials`].
    pub async fn get(&self) -> Result<Option<Credentials>, UpstreamError> {
        self.0.keys().await
    }

    /// AWS no longer takes them.
    pub fn forget(&self) {
        self.0.forget();
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

struct OfIdentity {
    aws: Arc<Aws>,
    identity: Identity,
}

impl Source for OfIdentity {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        Box::pin(async {
            let keys = self.aws.keys(&self.identity).await;
            keys.map(Some).map_err(UpstreamError::Account)
        })
    }

    fn forget(&self) {
        self.aws.forget(&self.identity);
    }
}

struct Fixed(Credentials);

impl Source for Fixed {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        Box::pin(std::future::ready(Ok(Some(self.0.clone()))))
    }
}

struct OrUnsigned(Keys);

impl Source for OrUnsigned {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        Box::pin(async {
            match self.0.get().await {
                Err(UpstreamError::Account(AccountError::None { .. })) => Ok(None),
                other => other,
            }
        })
    }

    fn forget(&self) {
        self.0.forget();
    }
}
