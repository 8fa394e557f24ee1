//! One conversation, from its first line to the end of the input or a signal.

use std::time::Duration;

use rmcp::service::{ServerInitializeError, serve_directly, serve_server};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Dial, Options, Relay, front};

/// How long writing the last answers may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves the client behind `read` and `write` until it closes its side, or `stop` comes. Sessions at the endpoint are ended.
pub async fn serve(
    options: Options,
    dial: impl Dial,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    stop: impl Future<Output = ()>,
) {
    let (front, lines, writer) = front::open(read, write);
    let relay = Relay::new(options, dial, front);
    tokio::select! {
        () = converse(&relay, lines) => {}
        () = stop => {}
    }
    relay.close().await;
    drop(relay);
    // Everybody who could still write is gone, or about to be.
    let _ = tokio::time::timeout(LAST_WORDS, writer).await;
}

async fn converse(relay: &Relay, lines: front::Lines) {
    let session = loop {
        match serve_server(relay.clone(), lines.clone()).await {
            Ok(session) => break session,
            // The client was told why. It may begin again, or go on as if nothing had been: each request tries to connect.
            Err(ServerInitializeError::InitializeFailed(error)) => {
                tracing::debug!(?error, "initialize failed");
                break serve_directly(relay.clone(), lines, relay.client_config());
            }
            Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
                tracing::debug!("a message came before the session had begun");
            }
            Err(ServerInitializeError::UnexpectedInitializeResponse(_)) => {}
            Err(_) => return,
        }
    };
    if let Err(error) = session.waiting().await {
        tracing::error!(%error, "the session broke off");
    }
}
