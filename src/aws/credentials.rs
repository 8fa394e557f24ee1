//! Credentials of every identity, from one cache: the base identity, its role sessions, and profiles.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_credential_types::{
    Credentials as Keys,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_types::SdkConfig;
use lru::LruCache;

use crate::{auth::Caller, config::AwsLimits, metrics};

use super::{
    cache::{Cache, Clock, Lifetime, Remembered},
    error::{AccountError, causes},
    ids::ProfileName,
    limiter::{LONGEST_WAIT, Limiter},
    naming,
    resolve::{Identity, RoleSession},
    sts,
};

/// Where the base identity comes from.
#[derive(Clone, Debug)]
pub enum Base {
    /// The SDK's default chain: environment, profile, SSO, IRSA, Pod Identity, instance metadata.
    Chain,
    /// These keys and nothing else: the sandbox's.
    Fixed(Keys),
}

impl Lifetime for Keys {
    fn expires(&self) -> Option<SystemTime> {
        self.expiry()
    }
}

impl Remembered for AccountError {
    fn remembered(&self) -> Duration {
        match self {
            // A denial stays one until somebody edits a policy.
            Self::AssumeDenied { .. } => Duration::from_secs(30),
            // The rest may be over at once; a second keeps a crowd from asking all together.
            _ => Duration::from_secs(1),
        }
    }
}

/// The credentials of every identity. The SDK's keys wipe themselves from memory when dropped.
pub struct Credentials {
    cache: Cache<Identity, Keys, AccountError>,
    config: SdkConfig,
    base: SharedCredentialsProvider,
    limiter: Limiter,
    /// Callers whose name in CloudTrail the log has explained.
    explained: Mutex<LruCache<Caller, ()>>,
}

/// How many callers' names are remembered as explained; another time in the log does no harm.
const EXPLAINED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

impl Credentials {
    /// Over `config`, whose HTTP client, timeouts and endpoints serve the sign-in as well.
    ///
    /// # Errors
    /// A configuration without any credentials provider.
    pub fn new(config: SdkConfig, base: Base, limits: &AwsLimits, clock: Arc<dyn Clock>) -> Result<Self, AccountError> {
        let provider = match base {
            Base::Fixed(keys) => Some(SharedCredentialsProvider::new(keys)),
            Base::Chain => config.credentials_provider(),
        };
        let base = provider.ok_or_else(|| AccountError::None {
            message: "the SDK has no credentials provider".to_owned(),
        })?;
        Ok(Self {
            cache: Cache::new(limits.credential_cache_size.get(), clock.clone()),
            config,
            base,
            limiter: Limiter::new(limits.assume_role_rate.get(), clock),
            explained: Mutex::new(LruCache::new(EXPLAINED)),
        })
    }

    /// The keys of an identity.
    ///
    /// # Errors
    /// Why they can't be had, now or a moment ago.
    pub async fn get(&self, identity: &Identity) -> Result<Keys, AccountError> {
        if let Identity::Role(session) = identity
            && session.once
        {
            return self.assume(session).await;
        }
        let mut in_cache = true;
        let fetch = || {
            in_cache = false;
            async {
                match identity {
                    Identity::Default => provided(&self.base, None).await,
                    Identity::Profile(profile) => self.profile(profile).await,
                    Identity::Role(session) => self.assume(session).await,
                }
            }
        };
        let keys = self.cache.get(identity, fetch).await;
        metrics::record(|m| m.credentials(in_cache));
        keys
    }

    /// Forgets an identity's keys, because AWS no longer takes them.
    pub fn forget(&self, identity: &Identity) {
        self.cache.forget(identity);
    }

    /// How many identities' keys are kept.
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    async fn profile(&self, name: &ProfileName) -> Result<Keys, AccountError> {
        let mut config =
            aws_config::provider_config::ProviderConfig::without_region().with_region(self.config.region().cloned());
        if let Some(client) = self.config.http_client() {
            config = config.with_http_client(client);
        }
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name.as_str())
            .build();
        provided(&provider, Some(name.as_str())).await
    }

    async fn assume(&self, session: &RoleSession) -> Result<Keys, AccountError> {
        let answer = self.assume_once(session).await;
        // Base keys may be revoked or rotated before the end that they name: ask the chain once more.
        match answer {
            Err(AccountError::Rejected { .. }) => {
                self.forget(&Identity::Default);
                self.assume_once(session).await
            }
            other => other,
        }
    }

    async fn assume_once(&self, session: &RoleSession) -> Result<Keys, AccountError> {
        let keys = self.ask_sts(session).await;
        metrics::record(|m| m.assume_role(keys.as_ref().err().map_or("ok", outcome)));
        keys
    }

    async fn ask_sts(&self, session: &RoleSession) -> Result<Keys, AccountError> {
        let keys = self
            .cache
            .get(&Identity::Default, || provided(&self.base, None))
            .await?;
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .credentials_provider(keys)
            .build();
        self.limiter.turn().await.map_err(|_| AccountError::Throttled {
            message: format!(
                "more than {} s of sign-ins are waiting on this server (ASSUME_ROLE_RATE)",
                LONGEST_WAIT.as_secs()
            ),
        })?;
        self.explain(session);
        let keys = sts::assume_role(&aws_sdk_sts::Client::from_conf(config), session).await?;
        tracing::debug!(role = %session.role, caller = ?session.caller.name(), once = session.once, "assumed");
        Ok(keys)
    }

    /// Tells once who is meant by a name in CloudTrail that is not the caller's own.
    fn explain(&self, session: &RoleSession) {
        if !naming::is_hashed(&session.caller) {
            return;
        }
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        if explained.put(session.caller.clone(), ()).is_none() {
            tracing::info!(
                caller = ?session.caller.name(),
                session_name = session.session_name,
                source_identity = naming::source_identity(&session.caller),
                "this caller goes by another name in CloudTrail"
            );
        }
    }
}

/// How a failed sign-in counts: under the error code that the tool will report.
fn outcome(error: &AccountError) -> &'static str {
    match error {
        AccountError::Throttled { .. } => "throttled",
        AccountError::Unreachable { .. } => "unreachable",
        _ => "credentials",
    }
}

async fn provided(provider: &impl ProvideCredentials, profile: Option<&str>) -> Result<Keys, AccountError> {
    provider.provide_credentials().await.map_err(|e| classify(&e, profile))
}

const NOWHERE: &str = "none in the environment, ~/.aws, a web identity, a container or instance metadata";

/// What the SDK's provider chain means by its error. It has no codes for SSO, only words.
fn classify(error: &CredentialsError, profile: Option<&str>) -> AccountError {
    let message = causes(error);
    let lower = message.to_ascii_lowercase();
    if lower.contains("sso")
        && [
            "expired",
            "token file",
            "cached sso token",
            "unauthorized",
            "sso login",
            "not found",
        ]
        .iter()
        .any(|w| lower.contains(w))
    {
        return AccountError::SsoExpired {
            profile: profile.map(str::to_owned),
        };
    }
    // Instance metadata is asked last: off EC2 it fails in many ways, and each means that nothing else was found.
    let nothing_else = profile.is_none() && lower.contains("imds");
    match (error, profile) {
        _ if nothing_else => AccountError::None {
            message: NOWHERE.to_owned(),
        },
        (CredentialsError::ProviderTimedOut(_), _) => AccountError::Unreachable { message },
        (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => AccountError::None {
            message: format!("profile `{profile}` is not in ~/.aws/config or ~/.aws/credentials, or holds none"),
        },
        (CredentialsError::CredentialsNotLoaded(_), None) => AccountError::None {
            message: "none in the environment, ~/.aws, a web identity, a container or instance metadata".to_owned(),
        },
        (CredentialsError::InvalidConfiguration(_), Some(profile)) => AccountError::None {
            message: format!("profile `{profile}` can't be used: {message}"),
        },
        (CredentialsError::InvalidConfiguration(_), None) => AccountError::None { message },
        _ => AccountError::Rejected { message },
    }
}

/// Lets an SDK client sign with an identity's keys, always the current ones.
pub struct Provider {
    /// Where they are kept.
    pub credentials: Arc<Credentials>,
    /// Whose.
    pub identity: Identity,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials
                .get(&self.identity)
                .await
                .map_err(CredentialsError::provider_error)
        })
    }
}
