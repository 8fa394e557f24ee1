//! One connection to the endpoint: made when first needed, made anew after it ended, closed at the end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rmcp::{
    ErrorData, Peer, RoleClient, ServiceError,
    model::{
        ClientConfig, ClientJsonRpcMessage, ClientRequest, ClientResult, GetExtensions, GetMeta, JsonRpcMessage,
        ProtocolVersion, RequestId, ServerJsonRpcMessage, ServerNotification, ServerPeerInfo, ServerRequest,
        ServerResult,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt, NotificationContext, PeerRequestOptions,
        RequestContext, RequestHandle, RunningService, Service,
    },
    transport::{
        StreamableHttpClientTransport, Transport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};

use crate::upstream::{SignedClient, relayed::Relayed};

use super::{
    Trouble,
    front::{Front, line, relayed},
};

/// How long ending a session at the endpoint may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection, or the place for one.
#[derive(Default)]
pub struct Link {
    live: tokio::sync::Mutex<Option<Arc<Live>>>,
}

/// A connection.
pub struct Live {
    peer: Peer<RoleClient>,
    service: Mutex<Option<RunningService<RoleClient, Back>>>,
}

impl Link {
    /// The connection, made with `connect` unless there is one.
    ///
    /// # Errors
    /// Why none can be made.
    pub async fn get<F>(&self, connect: impl FnOnce() -> F) -> Result<Arc<Live>, Trouble>
    where
        F: Future<Output = Result<Live, Trouble>>,
    {
        let mut live = self.live.lock().await;
        match &*live {
            Some(live) if !live.peer.is_transport_closed() => return Ok(live.clone()),
            _ => {}
        }
        let made = Arc::new(connect().await?);
        *live = Some(made.clone());
        Ok(made)
    }

    /// The connection, if there is one.
    pub async fn existing(&self) -> Option<Arc<Live>> {
        self.live.lock().await.clone()
    }

    /// The connection is of no more use: the next request makes another.
    pub async fn drop_if(&self, ended: &Arc<Live>) {
        let mut live = self.live.lock().await;
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, ended)) {
            *live = None;
            let ended = ended.clone();
            tokio::spawn(async move { ended.close().await });
        }
    }

    /// Ends the session, if there is one.
    pub async fn close(&self) {
        // A connection that is being made keeps the lock: it has no session to end yet.
        let live = self.live.try_lock().ok().and_then(|mut live| live.take());
        if let Some(live) = live {
            live.close().await;
        }
    }
}

/// How the connection is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// As a client of 2025-11-25 does; a server that knows no `initialize` is asked as one of 2026-07-28.
    Legacy,
    /// As a client of 2026-07-28 does; a server that does not know it is asked with `initialize`.
    Modern,
}

impl Live {
    /// Connects.
    ///
    /// # Errors
    /// Why that failed.
    pub async fn connect(
        client: SignedClient,
        info: ClientConfig,
        begin: Begin,
        front: Front,
    ) -> Result<Self, Trouble> {
        let start = |mode| start(client.clone(), info.clone(), mode, front.clone());
        let modern = vec![ProtocolVersion::V_2026_07_28];
        let service = match begin {
            Begin::Modern => {
                let legacy_version = Some(ProtocolVersion::LATEST_WITH_INITIALIZE);
                start(ClientLifecycleMode::Auto {
                    preferred_versions: modern,
                    legacy_version,
                })
                .await
            }
            // The client's own revision is asked for first: what it can't do, such as asking back, then works end to end.
            Begin::Legacy => match start(ClientLifecycleMode::Initialize).await {
                Err(ClientInitializeError::JsonRpcError(error)) => {
                    let discover = ClientLifecycleMode::Discover {
                        preferred_versions: modern,
                    };
                    let found = start(discover).await;
                    found.map_err(|_| ClientInitializeError::JsonRpcError(error))
                }
                other => other,
            },
        };
        let service = service.map_err(|error| Trouble::of_start(&error))?;
        Ok(Self {
            peer: service.peer().clone(),
            service: Mutex::new(Some(service)),
        })
    }

    /// What the endpoint said of itself.
    pub fn info(&self) -> Option<Arc<ServerPeerInfo>> {
        self.peer.peer_info()
    }

    /// Whether the connection is one of 2026-07-28 or later, which has neither sessions nor requests to the client.
    pub fn is_modern(&self) -> bool {
        self.info().is_some_and(|info| !info.protocol_version.has_initialize())
    }

    /// Sends a request and waits for its result. Dropped while it waits, it tells the endpoint that nobody does any more.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn request(&self, request: ClientRequest) -> Result<ServerResult, Trouble> {
        let sent = self
            .peer
            .send_request_with_option(request, PeerRequestOptions::no_options());
        let handle = sent.await.map_err(|error| Trouble::of_request(&error))?;
        let mut waiting = Waiting(Some(handle));
        let answer = match &mut waiting.0 {
            Some(handle) => (&mut handle.rx).await,
            None => return Err(Trouble::Cancelled),
        };
        waiting.0 = None;
        match answer {
            Ok(answer) => answer.map_err(|error| Trouble::of_request(&error)),
            Err(_) => Err(Trouble::of_request(&ServiceError::TransportClosed)),
        }
    }

    /// Sends a notification.
    pub async fn notify(&self, notification: rmcp::model::ClientNotification) {
        if let Err(error) = self.peer.send_notification(notification).await {
            tracing::warn!(
                error = crate::aws::error::causes(&error),
                "the endpoint got no notification"
            );
        }
    }

    async fn close(&self) {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(service) = service
            && tokio::time::timeout(GOODBYE, service.cancel()).await.is_err()
        {
            tracing::warn!("the endpoint did not end the session in time");
        }
    }
}

/// A request that is waited for.
struct Waiting(Option<RequestHandle<RoleClient>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(handle.cancel(Some("the client no longer waits".to_owned())));
        }
    }
}

async fn start(
    client: SignedClient,
    info: ClientConfig,
    mode: ClientLifecycleMode,
    front: Front,
) -> Result<RunningService<RoleClient, Back>, ClientInitializeError> {
    let config = StreamableHttpClientTransportConfig::with_uri(client.sender().endpoint().url())
        // As many as the client asks for: throttling is the endpoint's business.
        .max_concurrent_requests(256);
    let transport = InOrder {
        inner: StreamableHttpClientTransport::with_client(client, config),
        front: front.clone(),
        pending: None,
        subscriptions: Arc::default(),
    };
    Back { front, info }.serve_with_lifecycle(transport, mode).await
}

/// Answers what the endpoint asks, by asking the client.
struct Back {
    front: Front,
    info: ClientConfig,
}

impl Service<RoleClient> for Back {
    async fn handle_request(
        &self,
        mut request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        if let ServerRequest::PingRequest(_) = request {
            return Ok(ClientResult::empty(()));
        }
        let client = self.front.peer();
        let client = client.ok_or_else(|| ErrorData::internal_error("the client has no session yet", None))?;
        request.extensions_mut().insert(relayed(&context.id, &context.meta));
        *request.get_meta_mut() = context.meta;
        let answer = tokio::select! {
            answer = client.send_request(request) => answer,
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
        };
        answer.map_err(|error| Trouble::of_server(&error))
    }

    async fn handle_notification(
        &self,
        _: ServerNotification,
        _: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        // Those that are for the client were passed on before rmcp saw them.
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        self.info.clone()
    }
}

/// Passes notifications on in the order in which they came, before the result that follows them: rmcp handles each in a task
/// of its own, and a progress after the result would be lost on the client.
struct InOrder<T> {
    inner: T,
    front: Front,
    /// What is to be written to the client next.
    pending: Option<Bytes>,
    /// The client's ids of its subscriptions, by ours.
    subscriptions: Arc<Mutex<HashMap<RequestId, RequestId>>>,
}

impl<T> InOrder<T> {
    /// The line for the client, if the message is a notification for it.
    fn for_client(&self, message: &mut ServerJsonRpcMessage) -> Option<Bytes> {
        let JsonRpcMessage::Notification(notification) = message else {
            return None;
        };
        if let ServerNotification::CancelledNotification(_) = notification.notification {
            return None;
        }
        let meta = notification.notification.get_meta_mut();
        if let Some(own) = meta.subscription_id() {
            let subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
            meta.set_subscription_id(subscriptions.get(&own).cloned().unwrap_or(own));
        }
        line(message).ok()
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for InOrder<T> {
    type Error = T::Error;

    fn send(&mut self, message: ClientJsonRpcMessage) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        if let JsonRpcMessage::Request(request) = &message
            && let ClientRequest::SubscriptionsListenRequest(listen) = &request.request
            && let Some(relayed) = listen.extensions.get::<Relayed>()
        {
            let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
            subscriptions.insert(request.id.clone(), relayed.id.clone());
        }
        self.inner.send(message)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            // This future is dropped and made again at will: what was taken from the endpoint must stay here until it is written.
            if self.pending.is_some()
                && let Some(room) = self.front.out().room().await
                && let Some(line) = self.pending.take()
            {
                room.send(line);
            }
            let mut message = self.inner.receive().await?;
            match self.for_client(&mut message) {
                Some(line) => self.pending = Some(line),
                None => return Some(message),
            }
        }
    }

    async fn close(&mut self) -> Result<(), T::Error> {
        self.inner.close().await
    }
}
