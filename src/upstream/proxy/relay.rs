//! The relay: each request of the client becomes one of the endpoint's, and its result the client's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientCapabilities, ClientConfig, ClientNotification, ClientRequest, DiscoverResult, Implementation,
        InitializeRequestParams, InitializeResult, PingRequestMethod, ProtocolVersion, RequestId, RequestMetaObject,
        ServerConfig, ServerResult,
    },
    service::{NotificationContext, RequestContext, Service},
};
use tokio_util::sync::CancellationToken;

use super::{
    Dial, Options, Trouble,
    front::Front,
    link::{Begin, Link, Live},
    shape::{finish, or_empty, own_config, prepared, set_cursor, shows_no_error},
    tools::{self, Known},
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
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) meta: RequestMetaObject,
    pub(super) cancelled: CancellationToken,
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

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn known(&self) -> &Known {
        &self.0.known
    }

    pub(super) fn default_link(&self) -> &Link {
        &self.0.default
    }

    pub(super) fn others(&self) -> MutexGuard<'_, HashMap<String, Arc<Link>>> {
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

    pub(super) async fn live(&self, link: &Link, profile: Option<&str>) -> Result<Arc<Live>, Trouble> {
        link.get(|| async {
            let (info, begin) = self
                .client()
                .unwrap_or_else(|| (ClientConfig::default(), Begin::Modern));
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
        Ok(DiscoverResult::from_server_info(
            ProtocolVersion::KNOWN_VERSIONS.to_vec(),
            config,
        ))
    }

    /// Relays a request; what the endpoint did not begin with is sent again once over a new connection.
    pub(super) async fn relay(
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
                link.drop_if(live).await;
            }
            let safe = repeatable || live.is_none() || trouble.was_not_begun();
            let heals =
                trouble.ends_connection() || matches!(&trouble, Trouble::Upstream(error) if error.keys_expired());
            if heals && safe && !healed && live.is_some() {
                healed = true;
                continue;
            }
            if attempt < self.0.options.retries && safe && trouble.passes() {
                let wait = trouble
                    .wait()
                    .unwrap_or_default()
                    .max(backoff(self.0.options.backoff, attempt))
                    .min(LONGEST_WAIT);
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

    pub(super) async fn list_tools(&self, request: ClientRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        let whole = match &request {
            ClientRequest::ListToolsRequest(list) => tools::cursor_of(&list.params).is_none(),
            _ => true,
        };
        let mut result = if whole {
            self.list(request, asked).await?
        } else {
            self.relay(&self.0.default, None, request, asked, true).await?
        };
        if let ServerResult::ListToolsResult(list) = &mut result {
            if whole {
                self.0.known.note(&list.tools);
            }
            tools::shown(&mut list.tools, self.0.options.read_only, &self.0.options.profiles);
        }
        Ok(result)
    }

    async fn handle(&self, request: ClientRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        match request {
            ClientRequest::CallToolRequest(call) => self.call(call, asked).await,
            ClientRequest::ListToolsRequest(_) => self.list_tools(request, asked).await,
            ClientRequest::ListPromptsRequest(ref list) if tools::cursor_of(&list.params).is_none() => or_empty(
                self.list(request, asked).await,
                ServerResult::ListPromptsResult(Default::default()),
            ),
            ClientRequest::ListResourcesRequest(ref list) if tools::cursor_of(&list.params).is_none() => or_empty(
                self.list(request, asked).await,
                ServerResult::ListResourcesResult(Default::default()),
            ),
            ClientRequest::ListResourceTemplatesRequest(ref list) if tools::cursor_of(&list.params).is_none() => {
                let empty = ServerResult::ListResourceTemplatesResult(Default::default());
                or_empty(self.list(request, asked).await, empty)
            }
            // rmcp takes what it can't read for another's method.
            ClientRequest::CustomRequest(ref request) if KNOWN_METHODS.contains(&request.method.as_str()) => Err(
                Trouble::Answered(ErrorData::invalid_params("Invalid request parameters", None)),
            ),
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
                return self
                    .initialize(request.params)
                    .await
                    .map(ServerResult::InitializeResult);
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
        if let ClientNotification::InitializedNotification(_) | ClientNotification::CancelledNotification(_) =
            notification
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

/// Twice as long each time. Source: FastMCP, RetryMiddleware.
fn backoff(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempt))
}
