//! The rmcp side of one HTTP+SSE session: two bounded channels, and the calls that wait for an answer.

use std::collections::HashSet;

use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::{mpsc, watch};

/// Messages that may wait on either side of a session, and calls that may wait for their answer.
pub(super) const CAPACITY: usize = 64;

/// The ids of calls that have no answer yet.
pub(super) struct Pending(watch::Sender<HashSet<RequestId>>);

impl Default for Pending {
    fn default() -> Self {
        Self(watch::Sender::new(HashSet::new()))
    }
}

impl Pending {
    /// A request waits from now on; a cancelled one no longer does. `false` says that too many wait already: rmcp
    /// takes whatever comes, and would queue without end for a client that doesn't read.
    pub(super) fn note_incoming(&self, message: &ClientJsonRpcMessage) -> bool {
        match message {
            JsonRpcMessage::Request(request) => {
                return self
                    .0
                    .send_if_modified(|ids| ids.len() < CAPACITY && ids.insert(request.id.clone()));
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.done(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        true
    }

    /// The message is on its way to the client. Noted as late as can be, so that no answer is left in a queue.
    pub(super) fn note_outgoing(&self, message: &ServerJsonRpcMessage) {
        match message {
            JsonRpcMessage::Response(response) => self.done(&response.id),
            JsonRpcMessage::Error(error) => error.id.iter().for_each(|id| self.done(id)),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => {}
        }
    }

    /// The message never reached the session.
    pub(super) fn forget(&self, message: &ClientJsonRpcMessage) {
        if let JsonRpcMessage::Request(request) = message {
            self.done(&request.id);
        }
    }

    /// Completes when no call waits.
    pub(super) async fn none(&self) {
        // The sender lives in `self`, so waiting can't fail.
        let _ = self.0.subscribe().wait_for(HashSet::is_empty).await;
    }

    fn done(&self, id: &RequestId) {
        self.0.send_if_modified(|ids| ids.remove(id));
    }
}

/// What rmcp reads from and writes to.
pub(super) struct SseTransport {
    pub(super) from_client: mpsc::Receiver<ClientJsonRpcMessage>,
    pub(super) to_client: mpsc::Sender<ServerJsonRpcMessage>,
}

impl Transport<RoleServer> for SseTransport {
    type Error = mpsc::error::SendError<ServerJsonRpcMessage>;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let to_client = self.to_client.clone();
        async move { to_client.send(message).await }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.from_client.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.from_client.close();
        Ok(())
    }
}
