//! A target signed in: its region, its SDK configuration, its clients. Made when first used, never at the start.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{
    AppName, BehaviorVersion, identity::IdentityCache, meta::region::ProvideRegion,
    profile::region::ProfileFileRegionProvider, provider_config::ProviderConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials as Keys, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use lru::LruCache;
use tokio::sync::OnceCell;

use crate::config::{AwsConfig, AwsLimits, ConfigError, Region};

use super::{
    cache::{Clock, SystemClock},
    credentials::{Base, Credentials, Provider},
    error::AccountError,
    http_client,
    ids::AccountId,
    resolve::{Identity, Target},
    sts::{self, CallerIdentity},
};

/// The way into AWS: one for the process.
pub struct Aws {
    http: SharedHttpClient,
    endpoint_url: Option<String>,
    default_region: Option<Region>,
    limits: AwsLimits,
    base: Base,
    clock: Arc<dyn Clock>,
    shared: OnceCell<Shared>,
    sessions: Mutex<LruCache<(Identity, Region), Arc<Session>>>,
    /// Whose account GetCallerIdentity has confirmed.
    confirmed: Mutex<LruCache<Identity, ()>>,
}

/// What is loaded when AWS is first used.
struct Shared {
    config: SdkConfig,
    credentials: Arc<Credentials>,
}

/// An identity in a region, ready to be used.
pub struct Session {
    region: Region,
    config: SdkConfig,
    path_style: bool,
    clients: Mutex<HashMap<TypeId, Box<dyn Any + Send + Sync>>>,
    account: OnceCell<AccountId>,
}

impl Session {
    /// The region.
    pub fn region(&self) -> Region {
        self.region
    }

    /// Whether S3 must be asked path-style, because the endpoint is an address that has no bucket subdomains.
    pub fn path_style(&self) -> bool {
        self.path_style
    }

    /// A service's client, made when first asked for.
    pub fn client<C: Clone + Send + Sync + 'static>(&self, make: impl Fn(&SdkConfig) -> C) -> C {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients
            .entry(TypeId::of::<C>())
            .or_insert_with(|| Box::new(make(&self.config)));
        match client.downcast_ref::<C>() {
            Some(client) => client.clone(),
            None => make(&self.config),
        }
    }

    /// The account, asked of STS once where nothing else tells it.
    pub async fn account_id(&self) -> Option<&AccountId> {
        let ask = || async {
            sts::caller_identity(&self.client(aws_sdk_sts::Client::new))
                .await
                .map(|(id, _)| id)
        };
        self.account.get_or_try_init(ask).await.ok()
    }
}

impl Aws {
    /// As the configuration says. Nothing is asked of AWS, and no file of `~/.aws` is read yet.
    ///
    /// # Errors
    /// A wrong `AWS_CA_BUNDLE` or `AWS_ENDPOINT_URL`.
    pub fn new(config: &AwsConfig, base: Base) -> Result<Self, ConfigError> {
        if let Some(url) = &config.endpoint_url {
            let uri = url
                .parse::<http::Uri>()
                .ok()
                .filter(|u| matches!(u.scheme_str(), Some("http" | "https")) && u.host().is_some());
            uri.ok_or_else(|| {
                ConfigError::wrong("AWS_ENDPOINT_URL", url, "expected a URL such as http://127.0.0.1:4566")
            })?;
        }
        let loopback = config.endpoint_url.as_deref().is_some_and(is_address);
        let http = http_client::https(config.ca_bundle.as_deref(), !loopback)?;
        Ok(Self::with_http_client(config, base, http, Arc::new(SystemClock)))
    }

    /// The same over another HTTP client and clock, for tests.
    pub fn with_http_client(config: &AwsConfig, base: Base, http: SharedHttpClient, clock: Arc<dyn Clock>) -> Self {
        let capacity = config.limits.credential_cache_size.get().and_then(NonZeroUsize::new);
        Self {
            http,
            endpoint_url: config.endpoint_url.clone(),
            default_region: config.region,
            limits: config.limits.clone(),
            base,
            clock,
            shared: OnceCell::new(),
            sessions: Mutex::new(capacity.map_or_else(LruCache::unbounded, LruCache::new)),
            confirmed: Mutex::new(capacity.map_or_else(LruCache::unbounded, LruCache::new)),
        }
    }

    /// Signs a target in. For a change, it is made sure first that the account is the one that is meant.
    ///
    /// # Errors
    /// Why its credentials can't be had, or that they are another account's.
    pub async fn session(&self, target: &Target) -> Result<Arc<Session>, AccountError> {
        let shared = self.shared().await?;
        let region = match (target.region, &target.identity) {
            (Some(region), _) => region,
            (None, Identity::Profile(profile)) => self.profile_region(Some(profile.as_str())).await,
            (None, _) => shared
                .config
                .region()
                .and_then(|r| r.as_ref().parse().ok())
                .unwrap_or(Region::DEFAULT),
        };
        let keys = shared.credentials.get(&target.identity).await?;
        let known = keys
            .account_id()
            .and_then(|id| id.as_str().parse().ok())
            .or_else(|| target.account_id().cloned());
        let session = if target.identity.once() {
            // These keys end with the call: nothing of them is kept, and nothing could renew them.
            let provider = SharedCredentialsProvider::new(keys);
            Arc::new(self.make_session(shared, provider, region, known))
        } else {
            self.kept(shared, &target.identity, region, known)
        };
        if target.writes {
            self.confirm(target, &session).await?;
        }
        Ok(session)
    }

    fn kept(&self, shared: &Shared, identity: &Identity, region: Region, account: Option<AccountId>) -> Arc<Session> {
        let key = (identity.clone(), region);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&key) {
            return session.clone();
        }
        let provider = SharedCredentialsProvider::new(Provider {
            credentials: shared.credentials.clone(),
            identity: identity.clone(),
        });
        let session = Arc::new(self.make_session(shared, provider, region, account));
        sessions.put(key, session.clone());
        session
    }

    /// Asks STS, once for each role and caller or profile, whose account it is.
    async fn confirm(&self, target: &Target, session: &Session) -> Result<(), AccountError> {
        let Some(expected) = target.expected_account() else {
            return Ok(());
        };
        let key = target.identity.without_purpose();
        let known = |confirmed: &Mutex<LruCache<Identity, ()>>| {
            let mut confirmed = confirmed.lock().unwrap_or_else(PoisonError::into_inner);
            confirmed.get(&key).is_some()
        };
        if known(&self.confirmed) {
            return Ok(());
        }
        let (found, arn) = sts::caller_identity(&session.client(aws_sdk_sts::Client::new)).await?;
        if found != *expected {
            return Err(AccountError::WrongAccount {
                expected: expected.clone(),
                found,
                arn,
            });
        }
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.put(key, ());
        Ok(())
    }

    fn make_session(
        &self,
        shared: &Shared,
        provider: SharedCredentialsProvider,
        region: Region,
        account: Option<AccountId>,
    ) -> Session {
        let config = shared
            .config
            .to_builder()
            .region(aws_types::region::Region::from_static(region.as_str()))
            .credentials_provider(provider)
            .build();
        Session {
            region,
            config,
            path_style: self.endpoint_url.as_deref().is_some_and(is_address),
            clients: Mutex::default(),
            account: OnceCell::new_with(account),
        }
    }

    /// How many sessions' clients and how many identities' keys are kept.
    pub fn kept_sessions(&self) -> (usize, usize) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).len();
        (sessions, self.shared.get().map_or(0, |s| s.credentials.cached()))
    }

    /// Forgets an identity's keys, because AWS no longer takes them; the next call signs in anew.
    pub fn forget(&self, identity: &Identity) {
        if let Some(shared) = self.shared.get() {
            shared.credentials.forget(identity);
        }
    }

    /// An identity's keys, for requests that no SDK client makes.
    ///
    /// # Errors
    /// Why they can't be had.
    pub async fn keys(&self, identity: &Identity) -> Result<Keys, AccountError> {
        self.shared().await?.credentials.get(identity).await
    }

    /// Who an identity is, asked of STS each time.
    ///
    /// # Errors
    /// Why its keys can't be had, or that AWS does not take them.
    pub async fn whoami(&self, identity: &Identity) -> Result<CallerIdentity, AccountError> {
        let shared = self.shared().await?;
        let provider = SharedCredentialsProvider::new(shared.credentials.get(identity).await?);
        let config = shared.config.to_builder().credentials_provider(provider).build();
        sts::whoami(&aws_sdk_sts::Client::new(&config)).await
    }

    /// The limits of AWS calls.
    pub fn limits(&self) -> &AwsLimits {
        &self.limits
    }

    /// What tells the time here.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn shared(&self) -> Result<&Shared, AccountError> {
        self.shared
            .get_or_try_init(|| async {
                let config = self.load().await;
                let credentials =
                    Credentials::new(config.clone(), self.base.clone(), &self.limits, self.clock.clone())?;
                Ok(Shared {
                    config,
                    credentials: Arc::new(credentials),
                })
            })
            .await
    }

    #[expect(clippy::disallowed_methods, reason = "this is where credentials are made")]
    async fn load(&self) -> SdkConfig {
        let region = match self.default_region {
            Some(region) => region,
            None => self.profile_region(None).await,
        };
        let mut timeouts = TimeoutConfig::builder();
        timeouts
            .set_connect_timeout(self.limits.connect_timeout.get())
            .set_operation_attempt_timeout(self.limits.attempt_timeout.get())
            .set_operation_timeout(self.limits.operation_timeout.get());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(aws_types::region::Region::from_static(region.as_str()))
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(self.limits.max_attempts))
            // Our own cache is the only one: the SDK's holds 64 identities and knows no callers.
            .identity_cache(IdentityCache::no_cache());
        if let Ok(name) = AppName::new("aws-ops-mcp") {
            loader = loader.app_name(name);
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        loader.load().await
    }

    async fn profile_region(&self, profile: Option<&str>) -> Region {
        if let Base::Fixed(_) = self.base {
            return Region::DEFAULT;
        }
        let mut builder = ProfileFileRegionProvider::builder().configure(&ProviderConfig::without_region());
        if let Some(profile) = profile {
            builder = builder.profile_name(profile);
        }
        let region = builder.build().region().await;
        region.and_then(|r| r.as_ref().parse().ok()).unwrap_or(Region::DEFAULT)
    }
}

/// Whether a URL's host is an address or `localhost`, which has no subdomains.
fn is_address(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|u| u.host().map(str::to_owned));
    host.is_some_and(|h| h == "localhost" || h.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok())
}
