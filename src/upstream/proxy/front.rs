//! The client's side: lines of JSON-RPC in and out, over any pair of streams.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use rmcp::{
    Peer, RoleServer,
    model::{ClientJsonRpcMessage, ErrorCode, ErrorData, GetExtensions, RequestId, ServerJsonRpcMessage},
    transport::Transport,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::upstream::relayed::Relayed;

/// The longest line that is read.
const LONGEST_LINE: u64 = 64 << 20;
/// How many messages wait to be written or handled.
const WAITING: usize = 64;

/// What is written to the client. Cheap to clone; the writer ends with the last of them.
#[derive(Clone, Debug)]
pub struct Out(mpsc::Sender<Bytes>);

/// The client's side.
#[derive(Clone, Debug)]
pub struct Front {
    out: Out,
    peer: Arc<RwLock<Option<Peer<RoleServer>>>>,
}

/// rmcp's transport over the lines. Cloned, it goes on where the other stopped: a failed `initialize` ends rmcp's service,
/// not the conversation.
#[derive(Clone)]
pub struct Lines {
    lines: Arc<Mutex<mpsc::Receiver<Bytes>>>,
    out: Out,
}

/// Opens the client's side. The handle ends when everything is written and nobody can write any more.
pub fn open(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> (Front, Lines, JoinHandle<()>) {
    let (out, written) = mpsc::channel(WAITING);
    let (line, lines) = mpsc::channel(WAITING);
    let out = Out(out);
    tokio::spawn(read_lines(read, line));
    let writer = tokio::spawn(write_lines(write, written));
    let front = Front {
        out: out.clone(),
        peer: Arc::default(),
    };
    let lines = Arc::new(Mutex::new(lines));
    (front, Lines { lines, out }, writer)
}

async fn read_lines(read: impl AsyncRead + Send + Unpin, lines: mpsc::Sender<Bytes>) {
    let mut read = BufReader::with_capacity(64 << 10, read);
    loop {
        let mut line = Vec::new();
        match (&mut read).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            // A last line without its end may be half a request: whoever closes the stream wants no answer.
            Ok(_) if line.last() != Some(&b'\n') => return,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "standard input can't be read");
                return;
            }
        }
        let text = line.trim_ascii();
        if !text.is_empty() && lines.send(Bytes::copy_from_slice(text)).await.is_err() {
            return;
        }
    }
}

async fn write_lines(mut write: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        let mut buffer = line.to_vec();
        while let Ok(next) = lines.try_recv() {
            buffer.extend_from_slice(&next);
        }
        let written = async {
            write.write_all(&buffer).await?;
            write.flush().await
        };
        if let Err(error) = written.await {
            tracing::error!(%error, "standard output can't be written");
            return;
        }
    }
}

/// One message as a line.
pub(super) fn line(message: &impl serde::Serialize) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line.into())
}

impl Out {
    /// Room for one more line; waiting for it may be broken off without harm.
    pub(super) async fn room(&self) -> Option<mpsc::Permit<'_, Bytes>> {
        self.0.reserve().await.ok()
    }

    async fn send(&self, line: Bytes) -> io::Result<()> {
        let closed = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        self.0.send(line).await.map_err(closed)
    }
}

impl Front {
    /// What is written to the client.
    pub fn out(&self) -> &Out {
        &self.out
    }

    /// The client, once a session with it has begun.
    pub fn peer(&self) -> Option<Peer<RoleServer>> {
        self.peer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A session with the client has begun.
    pub fn set_peer(&self, peer: Peer<RoleServer>) {
        *self.peer.write().unwrap_or_else(PoisonError::into_inner) = Some(peer);
    }
}

/// Why a line is no message, as the answer to it; nothing for what needs none.
fn refusal(line: &[u8], error: &serde_json::Error) -> Option<Value> {
    let Ok(value) = serde_json::from_slice::<Value>(line) else {
        let error = ErrorData::new(ErrorCode::PARSE_ERROR, format!("Parse error: {error}"), None);
        return Some(json!({"jsonrpc": "2.0", "id": null, "error": error}));
    };
    let id = value.get("id").filter(|id| id.is_string() || id.is_number());
    match (id, value.get("method")) {
        (Some(id), Some(_)) => {
            let error = ErrorData::invalid_params("Invalid request parameters", None);
            Some(json!({"jsonrpc": "2.0", "id": id, "error": error}))
        }
        // A notification or an answer that nobody understands: there is nobody to tell.
        (_, Some(_)) | (Some(_), None) => None,
        (None, None) => {
            let error = ErrorData::invalid_request("Invalid request", None);
            Some(json!({"jsonrpc": "2.0", "id": null, "error": error}))
        }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let out = self.out.clone();
        async move {
            let relayed = match &message {
                ServerJsonRpcMessage::Request(request) => request.request.extensions().get::<Relayed>(),
                _ => None,
            };
            let bytes = match relayed {
                Some(relayed) => {
                    let mut value = serde_json::to_value(&message)?;
                    relayed.restore(&mut value);
                    line(&value)?
                }
                None => line(&message)?,
            };
            out.send(bytes).await
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let mut lines = self.lines.lock().await;
        loop {
            let text = lines.recv().await?;
            let error = match serde_json::from_slice(&text) {
                Ok(message) => return Some(message),
                Err(error) => error,
            };
            tracing::warn!(%error, "the client sent a line that is no message");
            if let Some(bytes) = refusal(&text, &error).and_then(|answer| line(&answer).ok()) {
                // Waiting here could lose the answer when rmcp stops to listen; it does so often.
                let out = self.out.clone();
                tokio::spawn(async move { out.send(bytes).await });
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The id that a request has where it came from.
pub(super) fn relayed(id: &RequestId, meta: &rmcp::model::RequestMetaObject) -> Relayed {
    Relayed {
        id: id.clone(),
        progress_token: meta.get_progress_token(),
    }
}
