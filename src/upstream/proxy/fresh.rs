//! Keys that follow ~/.aws: a changed file is noticed with the next request, so an account switch takes effect at once.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::Credentials;
use futures::future::BoxFuture;

use crate::{
    aws::{AccountError, Aws, Identity},
    upstream::{UpstreamError, keys::Source},
};

/// For how long it is remembered that there are no credentials at all: looking for them off EC2 takes seconds.
const NONE_FOR: Duration = Duration::from_secs(60);

/// A way to AWS that has seen no file yet.
pub type MakeAws = Box<dyn Fn() -> Result<Aws, String> + Send + Sync>;

/// What tells one version of a file from another: when it was changed, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

/// The keys of one identity, kept until they end, the files change, or AWS refuses them.
pub struct FreshKeys {
    make: MakeAws,
    identity: Identity,
    files: Vec<PathBuf>,
    unsigned: bool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    aws: Option<Arc<Aws>>,
    stamps: Vec<Stamp>,
    none_until: Option<Instant>,
}

impl FreshKeys {
    /// The keys of `identity`. `files` are watched; `unsigned` is whether to do without keys where there are none at all.
    pub fn new(make: MakeAws, identity: Identity, files: Vec<PathBuf>, unsigned: bool) -> Self {
        Self {
            make,
            identity,
            files,
            unsigned,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |file: &PathBuf| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.files.iter().map(stamp).collect()
    }

    /// The way to AWS as the files are now, or nothing while it is known that there are no keys.
    fn current(&self) -> Result<Option<Arc<Aws>>, UpstreamError> {
        let stamps = self.stamps();
        let mut held = self.held();
        if held.stamps != stamps {
            // The SDK's chain reads the files once: only a new one reads them again.
            *held = Held {
                stamps,
                ..Held::default()
            };
        }
        if held.none_until.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let aws = match &held.aws {
            Some(aws) => aws.clone(),
            None => Arc::new((self.make)().map_err(UpstreamError::Credentials)?),
        };
        held.aws = Some(aws.clone());
        Ok(Some(aws))
    }

    async fn get(&self) -> Result<Option<Credentials>, UpstreamError> {
        let Some(aws) = self.current()? else {
            return Ok(None);
        };
        match aws.keys(&self.identity).await {
            Ok(keys) => Ok(Some(keys)),
            Err(AccountError::None { .. }) if self.unsigned => {
                tracing::debug!("no AWS credentials available: sending the request unsigned (--skip-auth)");
                self.held().none_until = Some(Instant::now() + NONE_FOR);
                Ok(None)
            }
            Err(AccountError::None { message }) => Err(UpstreamError::Credentials(format!(
                "No AWS credentials available. Configure credentials or use --skip-auth to send unsigned requests. \
                 Looked for: {message}"
            ))),
            Err(error) => Err(UpstreamError::Account(error)),
        }
    }
}

impl Source for FreshKeys {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        Box::pin(self.get())
    }

    fn forget(&self) {
        *self.held() = Held::default();
    }
}
