//! The relay: each request of the client becomes one of the endpoint's, and its result the client's.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ClientNotification, ClientRequest, DiscoverResult,
        ErrorCode, GetExtensions, GetMeta, Implementation, InitializeRequestParams, InitializeResult,
        PingRequestMethod, ProtocolVersion, RequestId, RequestMetaObject, ResultType, ServerCapabilities, ServerConfig,
        ServerPeerInfo, ServerResult,
    },
    service::{NotificationContext, RequestContext, Service},
};
use tokio_util::sync::CancellationToken;

use super::{
    Dial, Options, Trouble,
    front::{Front, relayed},
    link::{Begin, Link, Live},
    texts,
    tools::{self, AUTHENTICATED, Hints, Known, PROFILE_ARGUMENT},
};

/// The most pages of one list that are fetched: an endpoint that never ends its list must not keep the proxy for ever.
const MOST_PAGES: usize = 1000;
/// The longest wait before a request is sent again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The methods whose parameters rmcp reads.
const KNOWN_METHODS: [&str; 13] = [
    "initialize",
    "server/discover",
    "completion/complete",
    "logging/setLevel",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "tools/call",
    "tools/list",
];

/// The relay of one client. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    options: Options,
    dial: Box<dyn Dial>,
    front: Front,
    /// Who the client says it is, and how it begins a session.
    client: RwLock<Option<(ClientConfig, Begin)>>,
    default: Link,
    /// The connections of the other profiles.
    others: Mutex<HashMap<String, Arc<Link>>>,
    known: Known,
}

/// A request's circumstances.
struct Asked {
    id: RequestId,
    meta: RequestMetaObject,
    cancelled: CancellationToken,
}

impl Relay {
    /// For the client behind `front`.
    pub fn new(options: Options, dial: impl Dial, front: Front) -> Self {
        Self(Arc::new(Inner {
            options,
            dial: Box::new(dial),
            front,
            client: RwLock::default(),
            default: Link::default(),
            others: Mutex::default(),
            known: Known::default(),
        }))
    }

    /// Ends every session at the endpoint.
    pub async fn close(&self) {
        let links: Vec<_> = self.others().drain().map(|(_, link)| link).collect();
        let others = futures::future::join_all(links.iter().map(|link| link.close()));
        futures::future::join(self.0.default.close(), others).await;
    }

    fn others(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Link>>> {
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> Option<(ClientConfig, Begin)> {
        self.0.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who the client says it is, once it has said so.
    pub(super) fn client_config(&self) -> Option<ClientConfig> {
        self.client().map(|(config, _)| config)
    }

    fn set_client(&self, info: &Implementation, capabilities: ClientCapabilities, begin: Begin) {
        let mut config = ClientConfig::new(capabilities, info.clone());
        config.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        *self.0.client.write().unwrap_or_else(PoisonError::into_inner) = Some((config, begin));
    }

    /// The connection of the default profile, made if need be.
    async fn default(&self) -> Result<Arc<Live>, Trouble> {
        self.live(&self.0.default, None).await
    }

    async fn live(&self, link: &Link, profile: Option<&str>) -> Result<Arc<Live>, Trouble> {
        link.get(|| async {
            let (info, begin) = self.client().unwrap_or_else(|| (ClientConfig::default(), Begin::Modern));
            let profile = profile.or_else(|| self.0.options.profiles.first().map(String::as_str));
            let client = self.0.dial.client(profile, Some(&info.client_info)).await?;
            Live::connect(client, info, begin, self.0.front.clone()).await
        })
        .await
    }

    async fn initialize(&self, params: InitializeRequestParams) -> Result<InitializeResult, ErrorData> {
        self.set_client(&params.client_info, params.capabilities, Begin::Legacy);
        let mut result = match self.default().await {
            Ok(live) => own_config(live.info().as_deref()),
            Err(trouble) if shows_no_error(&params.client_info) => {
                tracing::error!(%trouble, "the endpoint can't be used yet");
                own_config(None)
            }
            Err(trouble) => {
                tracing::error!(%trouble, "the endpoint can't be used");
                return Err(trouble.into_error());
            }
        };
        // As for any server: the client's own revision, or the newest with which a session can begin.
        let known = params.protocol_version.has_initialize()
            && ProtocolVersion::KNOWN_VERSIONS.contains(&params.protocol_version);
        result.protocol_version = if known {
            params.protocol_version
        } else {
            ProtocolVersion::LATEST_WITH_INITIALIZE
        };
        Ok(result)
    }

    async fn discover(&self) -> Result<DiscoverResult, ErrorData> {
        let live = self.default().await.map_err(Trouble::into_error)?;
        let config = own_config(live.info().as_deref());
        Ok(DiscoverResult::from_server_info(ProtocolVersion::KNOWN_VERSIONS.to_vec(), config))
    }

    /// Relays a request; what the endpoint did not begin with is sent again once over a new connection.
    async fn relay(
        &self,
        link: &Link,
        profile: Option<&str>,
        request: ClientRequest,
        asked: &Asked,
        repeatable: bool,
    ) -> Result<ServerResult, Trouble> {
        let mut healed = false;
        let mut attempt = 0;
        loop {
            let sent = async {
                let live = self.live(link, profile).await.map_err(|trouble| (None, trouble))?;
                let request = prepared(request.clone(), asked, live.is_modern());
                live.request(request).await.map_err(|trouble| (Some(live), trouble))
            };
            let (live, trouble) = tokio::select! {
                sent = sent => match sent {
                    Ok(result) => return Ok(result),
                    Err(failed) => failed,
                },
                () = asked.cancelled.cancelled() => return Err(Trouble::Cancelled),
            };
            if let Some(live) = live.as_ref().filter(|_| trouble.ends_connection()) {
                self.0.link_ended(link, live).await;
            }
            let safe = repeatable || live.is_none() || trouble.was_not_begun();
            let heals = trouble.ends_connection() || matches!(&trouble, Trouble::Upstream(error) if error.keys_expired());
            if heals && safe && !healed && live.is_some() {
                healed = true;
                continue;
            }
            if attempt < self.0.options.retries && safe && trouble.passes() {
                let wait = trouble.wait().unwrap_or_default().max(backoff(attempt)).min(LONGEST_WAIT);
                tracing::warn!(%trouble, attempt, ?wait, "the request is sent again");
                attempt += 1;
                tokio::select! {
                    () = tokio::time::sleep(wait) => continue,
                    () = asked.cancelled.cancelled() => return Err(Trouble::Cancelled),
                }
            }
            return Err(trouble);
        }
    }

    /// A list, whole: many clients never ask for a second page.
    async fn list(&self, mut request: ClientRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        let link = &self.0.default;
        let mut whole: Option<ServerResult> = None;
        let mut cursors = Vec::new();
        loop {
            let mut page = self.relay(link, None, request.clone(), asked, true).await?;
            let next = tools::take_cursor(&mut page);
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => tools::append(whole, page),
            }
            match next {
                Some(cursor) if cursors.len() < MOST_PAGES && !cursors.contains(&cursor) => {
                    set_cursor(&mut request, &cursor);
                    cursors.push(cursor);
                }
                _ => return whole.ok_or_else(|| Trouble::Lost("an empty list".to_owned())),
            }
        }
    }

    async fn list_tools(&self, request: ClientRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        let mut result = self.list(request, asked).await?;
        if let ServerResult::ListToolsResult(list) = &mut result {
            self.0.known.note(&list.tools);
            tools::shown(&mut list.tools, self.0.options.read_only, &self.0.options.profiles);
        }
        Ok(result)
    }

    /// Whether a tool declares itself read-only, by a list that is not too old to tell.
    async fn declares_read_only(&self, name: &str, asked: &Asked) -> Result<bool, Trouble> {
        let read_only = |hints: Option<Hints>| hints.is_some_and(|hints| hints.read_only);
        if let Some(hints) = self.0.known.lately(name) {
            return Ok(read_only(hints));
        }
        let quiet = Asked {
            id: asked.id.clone(),
            meta: RequestMetaObject::new(),
            cancelled: asked.cancelled.clone(),
        };
        let request = ClientRequest::ListToolsRequest(rmcp::model::ListToolsRequest::default());
        self.list_tools(request, &quiet).await?;
        Ok(read_only(self.0.known.lately(name).flatten()))
    }

    async fn call(&self, mut request: rmcp::model::CallToolRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        let tool = request.params.name.to_string();
        let work = self.call_in_time(&mut request.params, &tool, asked);
        let (profile, sent) = match self.0.options.tool_timeout {
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(done) => done,
                Err(_) => (None, Err((true, Trouble::TimedOut(limit)))),
            },
            None => work.await,
        };
        let (connected, trouble) = match sent {
            Ok(result) => return Ok(result),
            Err(failed) => failed,
        };
        if trouble.is_for_the_protocol() || matches!(trouble, Trouble::Cancelled) {
            return Err(trouble);
        }
        tracing::error!(?tool, %trouble, "the tool call failed");
        Ok(ServerResult::CallToolResult(match profile {
            Some(profile) => texts::failed_with_profile(&tool, &profile, connected, &trouble),
            None => texts::failed(&tool, &trouble),
        }))
    }

    /// The call; with a failure goes whether there was a connection, and beside it the profile that was named, if any.
    async fn call_in_time(
        &self,
        params: &mut CallToolRequestParams,
        tool: &str,
        asked: &Asked,
    ) -> (Option<String>, Result<ServerResult, (bool, Trouble)>) {
        let refuse = |result| (None, Ok(ServerResult::CallToolResult(result)));
        if self.0.options.read_only {
            match self.declares_read_only(tool, asked).await {
                Ok(true) => {}
                Ok(false) => return refuse(texts::not_read_only(tool)),
                Err(trouble) => return (None, Err((true, trouble))),
            }
        }
        let profile = match self.take_profile(params, tool) {
            Ok(profile) => profile,
            Err(result) => return refuse(*result),
        };
        let hints = self.0.known.ever(tool);
        let repeatable = hints.read_only || hints.idempotent;
        let request = ClientRequest::CallToolRequest(rmcp::model::CallToolRequest::new(std::mem::replace(
            params,
            CallToolRequestParams::new(Cow::Borrowed("")),
        )));
        let Some(profile) = profile else {
            let sent = self.relay(&self.0.default, None, request, asked, repeatable).await;
            return (None, sent.map_err(|trouble| (true, trouble)));
        };
        let link = self.others().entry(profile.clone()).or_default().clone();
        if let Err(trouble) = self.live(&link, Some(&profile)).await {
            return (Some(profile), Err((false, trouble)));
        }
        let sent = self.relay(&link, Some(&profile), request, asked, repeatable).await;
        (Some(profile), sent.map_err(|trouble| (true, trouble)))
    }

    /// Takes the profile out of a call's arguments; nothing if the default one signs it.
    fn take_profile(
        &self,
        params: &mut CallToolRequestParams,
        tool: &str,
    ) -> Result<Option<String>, Box<rmcp::model::CallToolResult>> {
        let profiles = &self.0.options.profiles;
        if profiles.len() < 2 {
            return Ok(None);
        }
        let Some(named) = params.arguments.as_mut().and_then(|a| a.remove(PROFILE_ARGUMENT)) else {
            return Ok(None);
        };
        if !AUTHENTICATED.contains(&tool) {
            tracing::warn!(?tool, "aws_profile is ignored: the tool needs no credentials");
            return Ok(None);
        }
        let known = named.as_str().and_then(|name| profiles.iter().position(|p| p == name));
        match known {
            Some(0) => Ok(None),
            Some(at) => Ok(profiles.get(at).cloned()),
            None => Err(Box::new(texts::unknown_profile(&named, profiles))),
        }
    }

    async fn handle(&self, request: ClientRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        match request {
            ClientRequest::CallToolRequest(call) => self.call(call, asked).await,
            ClientRequest::ListToolsRequest(ref list) if tools::cursor_of(&list.params).is_none() => {
                self.list_tools(request, asked).await
            }
            ClientRequest::ListPromptsRequest(ref list) if tools::cursor_of(&list.params).is_none() => {
                or_empty(self.list(request, asked).await, ServerResult::ListPromptsResult(Default::default()))
            }
            ClientRequest::ListResourcesRequest(ref list) if tools::cursor_of(&list.params).is_none() => {
                or_empty(self.list(request, asked).await, ServerResult::ListResourcesResult(Default::default()))
            }
            ClientRequest::ListResourceTemplatesRequest(ref list) if tools::cursor_of(&list.params).is_none() => {
                let empty = ServerResult::ListResourceTemplatesResult(Default::default());
                or_empty(self.list(request, asked).await, empty)
            }
            // rmcp takes what it can't read for another's method.
            ClientRequest::CustomRequest(ref request) if KNOWN_METHODS.contains(&request.method.as_str()) => {
                Err(Trouble::Answered(ErrorData::invalid_params("Invalid request parameters", None)))
            }
            // Who sends no log messages can't be told to send fewer.
            ClientRequest::SetLevelRequest(_) => {
                let set = self.relay(&self.0.default, None, request, asked, true).await;
                or_empty(set, ServerResult::empty(()))
            }
            ClientRequest::PingRequest(_) if self.default().await?.is_modern() => Ok(ServerResult::empty(())),
            request => {
                // Prompts and resources are read; what else there is, such as a task's cancellation, is not sent twice.
                let repeatable = matches!(
                    request,
                    ClientRequest::PingRequest(_)
                        | ClientRequest::CompleteRequest(_)
                        | ClientRequest::GetPromptRequest(_)
                        | ClientRequest::ReadResourceRequest(_)
                        | ClientRequest::GetTaskRequest(_)
                );
                self.relay(&self.0.default, None, request, asked, repeatable).await
            }
        }
    }
}

impl Inner {
    async fn link_ended(&self, link: &Link, live: &Arc<Live>) {
        link.drop_if(live).await;
    }
}

impl Service<RoleServer> for Relay {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let version = context.protocol_version();
        let modern = version.is_some_and(|version| !version.has_initialize());
        match request {
            ClientRequest::InitializeRequest(request) => {
                self.0.front.set_peer(context.peer);
                return self.initialize(request.params).await.map(ServerResult::InitializeResult);
            }
            ClientRequest::PingRequest(_) if modern => {
                return Err(ErrorData::method_not_found::<PingRequestMethod>());
            }
            _ => {}
        }
        if self.client().is_none() {
            let info = context.client_info().unwrap_or_default();
            self.set_client(&info, context.client_capabilities().unwrap_or_default(), Begin::Modern);
        }
        if let ClientRequest::DiscoverRequest(_) = request {
            return self.discover().await.map(ServerResult::DiscoverResult);
        }
        let asked = Asked {
            id: context.id,
            meta: context.meta,
            cancelled: context.ct,
        };
        let mut result = self.handle(request, &asked).await.map_err(Trouble::into_error)?;
        finish(&mut result, modern, &asked.id)?;
        Ok(result)
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        _: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // The endpoint had its own `initialized`; a cancellation ends the request, which tells the endpoint.
        if let ClientNotification::InitializedNotification(_) | ClientNotification::CancelledNotification(_) = notification
        {
            return Ok(());
        }
        let others: Vec<_> = self.others().values().cloned().collect();
        for link in std::iter::once(&self.0.default).chain(others.iter().map(Arc::as_ref)) {
            if let Some(live) = link.existing().await {
                live.notify(notification.clone()).await;
            }
        }
        Ok(())
    }

    fn get_info(&self) -> ServerConfig {
        own_config(None)
    }
}

/// A request as it is sent on: with the client's own `_meta`, and without what only its own era knows.
fn prepared(mut request: ClientRequest, asked: &Asked, modern: bool) -> ClientRequest {
    let mut meta = asked.meta.clone();
    if !modern {
        // A session's revision and client are settled; a request that says otherwise would change the connection's era.
        meta.retain(|key, _| !key.starts_with("io.modelcontextprotocol/"));
    }
    request.extensions_mut().insert(relayed(&asked.id, &asked.meta));
    *request.get_meta_mut() = meta;
    request
}

/// A result in the shape of the client's revision.
fn finish(result: &mut ServerResult, modern: bool, id: &RequestId) -> Result<(), ErrorData> {
    if modern {
        result.fill_missing_cache_hints();
        complete(result);
    } else if let ServerResult::InputRequiredResult(_) = result {
        return Err(ErrorData::new(
            ErrorCode::INVALID_REQUEST,
            "the endpoint asks back as MCP 2026-07-28 does, which this session's revision can't",
            None,
        ));
    } else {
        result.strip_result_type_for_legacy_peer();
    }
    if let ServerResult::SubscriptionsListenResult(result) = result {
        result.meta.set_subscription_id(id.clone());
    }
    Ok(())
}

/// Says of a result of an older revision that it is complete, as clients of 2026-07-28 expect.
fn complete(result: &mut ServerResult) {
    let result_type = match result {
        ServerResult::CompleteResult(r) => &mut r.result_type,
        ServerResult::GetPromptResult(r) => &mut r.result_type,
        ServerResult::ListPromptsResult(r) => &mut r.result_type,
        ServerResult::ListResourcesResult(r) => &mut r.result_type,
        ServerResult::ListResourceTemplatesResult(r) => &mut r.result_type,
        ServerResult::ReadResourceResult(r) => &mut r.result_type,
        ServerResult::ListToolsResult(r) => &mut r.result_type,
        ServerResult::CallToolResult(r) => &mut r.result_type,
        _ => return,
    };
    result_type.get_or_insert(ResultType::COMPLETE);
}

/// What the proxy says of itself: the endpoint's capabilities and instructions.
fn own_config(info: Option<&ServerPeerInfo>) -> ServerConfig {
    let capabilities = match info {
        Some(info) => info.capabilities.clone(),
        None => ServerCapabilities::builder().enable_tools().build(),
    };
    let mut config = ServerConfig::new(capabilities);
    config.server_info = Implementation::new("aws-ops-mcp", env!("CARGO_PKG_VERSION"));
    config.instructions = info.and_then(|info| info.instructions.clone());
    config
}

/// Amazon Q's and Kiro's clients wait for ever when `initialize` fails; they ask for the tools next and show that error.
/// Source: mcp-proxy-for-aws, InitializeMiddleware.
fn shows_no_error(client: &Implementation) -> bool {
    let name = client.name.to_lowercase();
    name.contains("kiro cli") || name.contains("q dev cli")
}

/// An endpoint without prompts or resources has none of them.
fn or_empty(listed: Result<ServerResult, Trouble>, empty: ServerResult) -> Result<ServerResult, Trouble> {
    match listed {
        Err(Trouble::Answered(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(empty),
        other => other,
    }
}

fn set_cursor(request: &mut ClientRequest, cursor: &str) {
    let params = match request {
        ClientRequest::ListToolsRequest(r) => &mut r.params,
        ClientRequest::ListPromptsRequest(r) => &mut r.params,
        ClientRequest::ListResourcesRequest(r) => &mut r.params,
        ClientRequest::ListResourceTemplatesRequest(r) => &mut r.params,
        _ => return,
    };
    params.get_or_insert_default().cursor = Some(cursor.to_owned());
}

/// 1 s, 2 s, 4 s … Source: FastMCP, RetryMiddleware.
fn backoff(attempt: u32) -> Duration {
    LONGEST_WAIT.min(Duration::from_secs(1) * 2_u32.saturating_pow(attempt))
}
