//! Calls to the managed AWS MCP Server: one persistent client for each identity and server, at the pace that AWS allows an account.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use http::{HeaderMap, HeaderValue, header::USER_AGENT};
use lru::LruCache;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, JsonObject, PaginatedRequestParams, RequestMetaObject, Tool,
};
use serde_json::json;

use crate::{
    aws::{
        Aws, Identity,
        cache::{Clock, SystemClock},
        http_client,
        limiter::Limiter,
    },
    config::{AwsConfig, AwsMcpConfig, AwsMcpEndpoint, ConfigError, Region},
};

use super::{
    Definitions, Endpoint, Keys, Patience, Sender, Session, SignedClient, UpstreamError,
    listing::{Known, Listing},
};

/// The service that signatures name, whatever the host is called.
const SERVICE: &str = "aws-mcp";
/// How long a listing of tools waits for one that was never heard of; it goes on in the background.
const FIRST_LISTING: Duration = Duration::from_secs(5);
/// Identities whose clients are kept: AWS allows an account 180 sessions, and a principal 90.
const MOST_CLIENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// Attempts of one call, the first included. Source: security.md, faults.
const ATTEMPTS: u32 = 3;
/// The longest that a server's `Retry-After` is obeyed; beyond it, the caller is told.
const LONGEST_RETRY_AFTER: u64 = 10;
/// The most pages of tools: a server whose cursors never end must not keep us for ever.
const MOST_PAGES: usize = 50;

/// One call to be forwarded.
#[derive(Clone, Debug)]
pub struct Forwarded<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// Whose quota it counts against: the account's id, as far as it is known.
    pub account: &'a str,
    /// Where it is to work.
    pub region: Region,
    /// The tool, by the server's name for it.
    pub tool: &'a str,
    /// Its arguments.
    pub arguments: &'a JsonObject,
    /// Whether it may be asked again after an answer that got lost.
    pub repeatable: bool,
}

/// The way to the AWS MCP Server.
pub struct Forwarder {
    aws: Arc<Aws>,
    config: AwsMcpConfig,
    fixed: Option<Endpoint>,
    region: Region,
    http: SharedHttpConnector,
    clock: Arc<dyn Clock>,
    sessions: Mutex<LruCache<(Identity, String), Arc<Session>>>,
    paces: Mutex<HashMap<(String, String), Arc<Limiter>>>,
    legacy: Mutex<HashMap<String, Arc<AtomicBool>>>,
    listing: Listing,
}

impl Forwarder {
    /// As the settings say; `None` if they say that nothing is forwarded.
    ///
    /// # Errors
    /// A wrong `AWS_MCP_ENDPOINT` or `AWS_CA_BUNDLE`.
    pub fn new(config: &AwsMcpConfig, settings: &AwsConfig, aws: Arc<Aws>) -> Result<Option<Arc<Self>>, ConfigError> {
        let elsewhere = settings.endpoint_url.is_some();
        let fixed = match &config.aws_mcp_endpoint {
            Some(AwsMcpEndpoint::Off) => return Ok(None),
            // An emulator's keys are nothing to AWS, and AWS's answers would be taken for the emulator's.
            None if elsewhere => return Ok(None),
            Some(AwsMcpEndpoint::Url(url)) => {
                let wrong = |e| ConfigError::wrong("AWS_MCP_ENDPOINT", url, e);
                Some(Endpoint::parse(url).map_err(wrong)?)
            }
            Some(AwsMcpEndpoint::Nearest) | None => None,
        };
        let here = fixed.as_ref().is_some_and(Endpoint::is_here);
        let connect_timeout = settings.limits.connect_timeout.get();
        let http = http_client::connector(settings.ca_bundle.as_deref(), !here, connect_timeout)?;
        Ok(Some(Arc::new(Self {
            aws,
            config: config.clone(),
            fixed,
            region: settings.region.unwrap_or(Region::DEFAULT),
            http,
            clock: Arc::new(SystemClock),
            sessions: Mutex::new(LruCache::new(MOST_CLIENTS)),
            paces: Mutex::default(),
            legacy: Mutex::default(),
            listing: Listing::default(),
        })))
    }

    /// The region of what is asked for nobody in particular.
    pub fn region(&self) -> Region {
        self.region
    }

    /// The time one call may take.
    pub fn timeout(&self) -> Option<Duration> {
        self.config.aws_mcp_timeout.get()
    }

    /// The definitions that alone are offered, by tool.
    pub fn pins(&self) -> &[(String, String)] {
        &self.config.aws_mcp_pins
    }

    /// The endpoint of calls in a region.
    pub fn endpoint(&self, region: Region) -> Endpoint {
        self.fixed.clone().unwrap_or_else(|| Endpoint::aws_mcp(region.as_str()))
    }

    /// The server's tools. What is known is given at once, and looked at again in the background when it is old. Only who asks
    /// first waits for an answer: a server that can't be reached holds up nobody else.
    ///
    /// # Errors
    /// Why they are not known: the server can't be reached, or has not answered yet.
    pub async fn definitions(self: &Arc<Self>) -> Result<Arc<Definitions>, UpstreamError> {
        match self.listing.look(self.clock.now()) {
            Known::Fresh(known) => Ok(known),
            Known::Stale(known) => {
                let this = self.clone();
                tokio::spawn(async move { this.list().await });
                Ok(known)
            }
            Known::Failed(error) => Err(error),
            Known::Silent(error) => {
                let this = self.clone();
                tokio::spawn(async move { this.list().await });
                Err(error)
            }
            Known::Nothing => {
                let this = self.clone();
                let listing = tokio::spawn(async move { this.list().await });
                match tokio::time::timeout(FIRST_LISTING, listing).await {
                    Ok(Ok(listed)) => listed,
                    Ok(Err(error)) => Err(self.lost(error.to_string())),
                    Err(_) => Err(UpstreamError::TimedOut {
                        host: self.endpoint(self.region).host().to_owned(),
                        after: FIRST_LISTING,
                    }),
                }
            }
        }
    }

    /// The server's tools as they were last listed.
    pub fn known(&self) -> Option<Arc<Definitions>> {
        self.listing.known()
    }

    /// Forwards a call. Throttled and interrupted ones are repeated where that can do no harm.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn call(&self, call: &Forwarded<'_>) -> Result<CallToolResponse, UpstreamError> {
        let session = self.session(call.identity, call.account, call.region);
        let answer = patiently(call.repeatable, || self.once(&session, call)).await;
        if let Err(UpstreamError::Refused {
            code: -32602 | -32601, ..
        }) = &answer
        {
            // Most likely a tool that is no longer there.
            self.listing.doubt();
        }
        answer
    }

    /// Ends every connection.
    pub async fn close(&self) {
        let sessions: Vec<_> = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            std::iter::from_fn(|| sessions.pop_lru())
                .map(|(_, session)| session)
                .collect()
        };
        futures::future::join_all(sessions.iter().map(|session| session.close())).await;
    }

    async fn once(&self, session: &Session, call: &Forwarded<'_>) -> Result<CallToolResponse, UpstreamError> {
        let peer = session.peer().await?;
        let mut params = CallToolRequestParams::new(call.tool.to_owned()).with_arguments(call.arguments.clone());
        let mut meta = RequestMetaObject::new();
        meta.0.0.insert("AWS_REGION".to_owned(), json!(call.region.as_str()));
        params.meta = Some(meta);
        peer.call_tool_once(params).await.map_err(|e| session.fault(e))
    }

    async fn list(&self) -> Result<Arc<Definitions>, UpstreamError> {
        let listed = patiently(true, || self.list_now()).await;
        let now = self.clock.now();
        match listed {
            Ok(tools) => Ok(self.listing.take(tools, now, self.config.aws_mcp_refresh.get())),
            Err(error) => {
                self.listing.fail(error.clone(), now);
                Err(error)
            }
        }
    }

    async fn list_now(&self) -> Result<Vec<Tool>, UpstreamError> {
        let session = self.session(&Identity::Default, "default", self.region);
        let peer = session.peer().await?;
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let page = peer.list_tools(Some(page)).await.map_err(|e| session.fault(e))?;
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        Err(self.lost(format!("its list of tools has no end after {MOST_PAGES} pages")))
    }

    fn lost(&self, message: String) -> UpstreamError {
        UpstreamError::Lost {
            host: self.endpoint(self.region).host().to_owned(),
            message,
        }
    }

    /// The client of an identity at the server of a region.
    fn session(&self, identity: &Identity, account: &str, region: Region) -> Arc<Session> {
        let endpoint = self.endpoint(region);
        let key = (identity.clone(), endpoint.url().to_owned());
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&key) {
            return session.clone();
        }
        let signing_region = endpoint.region().unwrap_or(self.region.as_str()).to_owned();
        let legacy = entry(&self.legacy, endpoint.url().to_owned(), Arc::default);
        let pace = entry(&self.paces, (account.to_owned(), endpoint.host().to_owned()), || {
            Arc::new(Limiter::new(self.config.aws_mcp_rate.get(), self.clock.clone()))
        });
        let keys = Keys::of(self.aws.clone(), identity.clone());
        // Nobody needs keys to read the list of tools.
        let keys = if *identity == Identity::Default {
            keys.or_unsigned()
        } else {
            keys
        };
        let patience = Patience { read: self.timeout() };
        let sender = Sender::new(self.http.clone(), endpoint, (SERVICE, signing_region), keys, patience);
        let mut headers = HeaderMap::new();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("aws-ops-mcp/", env!("CARGO_PKG_VERSION"))),
        );
        let client = SignedClient::new(sender.with_pace(pace))
            .with_headers(headers)
            .without_listening();
        let session = Arc::new(Session::new(client, legacy));
        sessions.put(key, session.clone());
        session
    }
}

/// Does a piece of work again where it may do better a moment later and can do no harm.
async fn patiently<T, F>(repeatable: bool, mut work: impl FnMut() -> F) -> Result<T, UpstreamError>
where
    F: Future<Output = Result<T, UpstreamError>>,
{
    let mut attempt = 1;
    loop {
        let error = match work().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let again = (error.is_passing() || error.keys_expired()) && (repeatable || error.did_nothing());
        let wait = error
            .retry_after()
            .map_or_else(|| backoff(attempt), Duration::from_secs);
        if !again || attempt >= ATTEMPTS || wait > Duration::from_secs(LONGEST_RETRY_AFTER) {
            return Err(error);
        }
        tracing::debug!(attempt, error = ?error.to_string(), "asking the AWS MCP Server again");
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

/// The value of a key, made when first asked for.
fn entry<K: std::hash::Hash + Eq, V: Clone>(map: &Mutex<HashMap<K, V>>, key: K, make: impl FnOnce() -> V) -> V {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.entry(key).or_insert_with(make).clone()
}

/// How long is waited before the next attempt, a little different each time, so that a crowd does not come back together.
fn backoff(attempt: u32) -> Duration {
    let mut noise = [0_u8; 1];
    // Without noise it is still a pause.
    let _ = getrandom::fill(&mut noise);
    let [noise] = noise;
    Duration::from_millis(200 * 2_u64.pow(attempt - 1) + u64::from(noise))
}
