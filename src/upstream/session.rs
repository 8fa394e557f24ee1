//! One persistent MCP client: connected when first used, in the server's own protocol era, and connected anew once it is lost.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{ClientConfig, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt, RunningService},
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};

use super::{SignedClient, UpstreamError};

/// How long the end of a connection may hold up that of the process.
const LONGEST_GOODBYE: Duration = Duration::from_secs(2);

type Running = RunningService<RoleClient, ClientConfig>;

/// A client of one identity at one endpoint.
pub struct Session {
    client: SignedClient,
    running: Mutex<Option<Arc<Running>>>,
    connecting: tokio::sync::Mutex<()>,
    /// The server knew no `server/discover`: next time it is not asked, which saves a request.
    legacy: Arc<AtomicBool>,
}

impl Session {
    /// Not connected yet. `legacy` is shared by the sessions of an endpoint.
    pub fn new(client: SignedClient, legacy: Arc<AtomicBool>) -> Self {
        Self {
            client,
            running: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            legacy,
        }
    }

    /// The endpoint's host, for messages.
    pub fn host(&self) -> &str {
        self.client.sender().endpoint().host()
    }

    /// The connected peer.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn peer(&self) -> Result<Peer<RoleClient>, UpstreamError> {
        if let Some(peer) = self.current() {
            return Ok(peer);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(peer) = self.current() {
            return Ok(peer);
        }
        let running = Arc::new(self.connect().await?);
        let peer = running.peer().clone();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(peer)
    }

    /// Drops the connection; the next use makes another.
    pub fn disconnect(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Ends the connection, and the session with it where the server keeps one: AWS allows an account only so many.
    pub async fn close(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running.and_then(Arc::into_inner) {
            // A server that does not answer lets the session end by itself.
            let _ = tokio::time::timeout(LONGEST_GOODBYE, running.cancel()).await;
        }
    }

    /// What went wrong with a request, and whether the connection is of no more use. It is dropped then.
    pub fn fault(&self, error: ServiceError) -> UpstreamError {
        let host = self.host().to_owned();
        let lost = |message: String| UpstreamError::Lost {
            host: host.clone(),
            message,
        };
        if let Some(own) = UpstreamError::of(&error) {
            return own;
        }
        match error {
            ServiceError::McpError(error) if error.code.0 == super::streamable::SESSION_LOST => {
                self.disconnect();
                UpstreamError::Forgotten {
                    host,
                    message: crate::config::value::one_line(&error.message),
                }
            }
            ServiceError::McpError(error) => UpstreamError::Refused {
                host,
                code: error.code.0,
                message: crate::config::value::one_line(&error.message),
            },
            ServiceError::TransportSend(error) => {
                let fault = error.error.downcast_ref::<StreamableHttpError<UpstreamError>>();
                let answered = matches!(
                    fault,
                    Some(
                        StreamableHttpError::UnexpectedContentType(_)
                            | StreamableHttpError::Deserialize(_)
                            | StreamableHttpError::UnexpectedServerResponse(_)
                    )
                );
                if !answered {
                    self.disconnect();
                }
                lost(crate::aws::error::causes(error.error.as_ref()))
            }
            other => {
                self.disconnect();
                lost(other.to_string())
            }
        }
    }

    fn current(&self) -> Option<Peer<RoleClient>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.as_ref().is_some_and(|r| r.is_closed()) {
            *running = None;
        }
        running.as_ref().map(|r| r.peer().clone())
    }

    async fn connect(&self) -> Result<Running, UpstreamError> {
        let endpoint = self.client.sender().endpoint();
        let config = StreamableHttpClientTransportConfig::with_uri(endpoint.url());
        let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
        let legacy_version = Some(ProtocolVersion::V_2025_11_25);
        let known_legacy = self.legacy.load(Ordering::Relaxed);
        let lifecycle = if known_legacy {
            ClientLifecycleMode::Initialize
        } else {
            ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version,
            }
        };
        match client_config().serve_with_lifecycle(transport, lifecycle).await {
            Ok(running) => {
                let version = running.peer_info().map(|info| info.protocol_version.clone());
                let legacy = version.is_some_and(|v| v < ProtocolVersion::V_2026_07_28);
                self.legacy.store(legacy, Ordering::Relaxed);
                Ok(running)
            }
            Err(error) => {
                // It may have moved on to the next era since.
                self.legacy.store(false, Ordering::Relaxed);
                Err(UpstreamError::of(&error).unwrap_or_else(|| UpstreamError::Lost {
                    host: self.host().to_owned(),
                    message: crate::aws::error::causes(&error),
                }))
            }
        }
    }
}

/// Who we say that we are.
fn client_config() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.client_info = rmcp::model::Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    config
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use rmcp::{ErrorData, model::ErrorCode};

    use super::*;
    use crate::{
        aws::http_client::connector,
        upstream::{Endpoint, Keys, Patience, Sender},
    };

    #[test]
    fn a_session_that_the_server_lost_is_begun_anew_and_a_connection_that_broke_is_in_doubt() {
        let endpoint = Endpoint::parse("https://aws-mcp.us-east-1.api.aws/mcp").unwrap();
        let keys = Keys::fixed(Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "not-a-real-one",
            None,
            None,
            "test",
        ));
        let http = connector(None, false, None).unwrap();
        let sender = Sender::new(http, endpoint, ("aws-mcp", "us-east-1"), keys, Patience { read: None });
        let session = Session::new(SignedClient::new(sender), Arc::default());
        // However it comes, as JSON or as an event: a change is safe to send again.
        let said = ErrorData::new(
            ErrorCode(super::super::streamable::SESSION_LOST),
            "no such session",
            None,
        );
        let forgotten = session.fault(ServiceError::McpError(said));
        assert!(forgotten.is_passing() && forgotten.did_nothing(), "{forgotten}");
        let broken = session.fault(ServiceError::TransportClosed);
        assert!(broken.is_passing() && !broken.did_nothing(), "{broken}");
    }
}
