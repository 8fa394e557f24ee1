//! Lines in, lines out: requests at the same time, notifications one after another, each answer as one whole line.

use std::{io, sync::Arc, time::Duration};

use futures::StreamExt as _;
use serde_json::Value;
use tokio::{
    io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
};

use crate::upstream::sender::{Answer, LARGEST_ANSWER};

use super::{
    events::Events,
    fault::Fault,
    ledger::{Ledger, Opened, key},
    lines::{self, Line},
    message::{Kind, Message},
    runtime::{Reply, Runtime},
};

/// Requests that the runtime works on at once; AgentCore's own quota is 25 a second.
const AT_ONCE: usize = 16;
/// Requests that may be open, waiting ones included.
const OPEN: usize = 256;
/// Notifications that wait for those before them.
const NOTIFICATIONS: usize = 1024;
/// The longest line that is taken, in bytes.
const LONGEST_LINE: usize = 16 << 20;
/// How long a stream may go on when it has brought its answer.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The id that the Python SDK's server writes where it knows none.
const NOBODY: &str = "server-error";
/// What JSON-RPC says of parameters, and MCP servers also of requests before `initialize`.
const INVALID_PARAMS: i64 = -32602;

/// Relays until the input ends or the output is closed. What is under way at the end is waited for as long as the read timeout.
///
/// # Errors
/// The output can't be written, but for the reason that nobody reads it any more.
pub async fn run(
    runtime: Runtime,
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let (out, lines) = mpsc::channel(64);
    let relay = Arc::new(Relay {
        runtime,
        out,
        ledger: Ledger::default(),
        permits: Semaphore::new(AT_ONCE),
    });
    let mut writing = std::pin::pin!(write(output, lines));
    let written = tokio::select! {
        written = &mut writing => written,
        () = drive(relay, input) => writing.await,
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn write(mut output: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<String>) -> io::Result<()> {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        output.write_all(line.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

struct Relay {
    runtime: Runtime,
    out: mpsc::Sender<String>,
    ledger: Ledger,
    permits: Semaphore,
}

/// A notification, and whoever waits until the runtime has taken it.
type Notice = (Message, oneshot::Sender<()>);

async fn drive(relay: Arc<Relay>, mut input: impl AsyncBufRead + Unpin) {
    let mut tasks = JoinSet::new();
    let (notices, waiting) = mpsc::channel(NOTIFICATIONS);
    tasks.spawn(relay.clone().notify(waiting));
    loop {
        while tasks.try_join_next().is_some() {}
        let line = match lines::next(&mut input, LONGEST_LINE).await {
            Ok(Some(Line::Text(line))) => line,
            Ok(Some(Line::TooLong)) => {
                let fault = Fault::parse(&format!("the line has more than {LONGEST_LINE} bytes"));
                relay.tell(fault.line(&Value::Null)).await;
                continue;
            }
            Ok(Some(Line::NotUtf8)) => {
                relay
                    .tell(Fault::parse("the line is not UTF-8").line(&Value::Null))
                    .await;
                continue;
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!(%error, "standard input can't be read");
                break;
            }
        };
        if line.trim().is_empty() {
            continue;
        }
        match Message::read(line.trim()) {
            Ok(message) => relay.take(message, &mut tasks, &notices).await,
            Err((id, fault)) => relay.tell(fault.line(&id)).await,
        }
    }
    drop(notices);
    let rest = async { while tasks.join_next().await.is_some() {} };
    let in_time = match relay.runtime.read_timeout() {
        Some(limit) => tokio::time::timeout(limit, rest).await.is_ok(),
        None => {
            rest.await;
            true
        }
    };
    if !in_time {
        tracing::warn!(
            open = relay.ledger.len(),
            "the runtime went on after the client had gone"
        );
    }
    // Whatever is left of them holds the output open.
    tasks.shutdown().await;
}

impl Relay {
    /// Sees to a message, and returns when the next may be read.
    async fn take(self: &Arc<Self>, message: Message, tasks: &mut JoinSet<()>, notices: &mpsc::Sender<Notice>) {
        match message.kind {
            Kind::Request => {
                if self.ledger.len() >= OPEN {
                    return self.tell(Fault::busy(OPEN).line(&message.id)).await;
                }
                let Some(opened) = self.ledger.open(&message.id) else {
                    let fault = Fault::invalid("a request of this `id` is still open");
                    return self.tell(fault.line(&message.id)).await;
                };
                let first = message.is_initialize();
                if first {
                    self.runtime.remember(&message);
                }
                let Opened { cancelled, done } = opened;
                let relay = self.clone();
                tasks.spawn(async move {
                    let permit = tokio::select! {
                        permit = relay.permits.acquire() => permit,
                        // Nothing was sent, so there is nothing to stop at the runtime.
                        () = cancelled.cancelled() => return relay.end(&key(&message.id), None).await,
                    };
                    relay.exchange(&message, Some(&key(&message.id))).await;
                    drop(permit);
                });
                if first {
                    // What follows may depend on the session that it opens.
                    let _ = done.await;
                }
            }
            Kind::Response => {
                let owner = self.ledger.resume(&message.id);
                let relay = self.clone();
                tasks.spawn(async move { relay.exchange(&message, owner.as_deref()).await });
            }
            Kind::Notification => {
                if let Some(id) = &message.cancels {
                    self.ledger.cancel(id);
                }
                let first = message.method == "notifications/initialized";
                let (taken, wait) = oneshot::channel();
                if notices.try_send((message, taken)).is_err() {
                    tracing::warn!(
                        limit = NOTIFICATIONS,
                        "a notification was dropped: too many wait already"
                    );
                } else if first {
                    let _ = wait.await;
                }
            }
        }
    }

    /// Sends notifications in their order: each when the runtime has answered the one before.
    async fn notify(self: Arc<Self>, mut waiting: mpsc::Receiver<Notice>) {
        let mut replies = JoinSet::new();
        while let Some((message, taken)) = waiting.recv().await {
            match self.send(&message).await {
                Ok(reply) => {
                    let relay = self.clone();
                    replies.spawn(async move {
                        if let Err(fault) = relay.pass_reply(reply, &message, None).await {
                            tracing::debug!(method = ?message.method, error = ?fault.text(), "a notification's reply");
                        }
                    });
                }
                Err(fault) => {
                    tracing::warn!(method = ?message.method, error = ?fault.text(), "a notification was lost")
                }
            }
            drop(taken);
            while replies.try_join_next().is_some() {}
        }
        while replies.join_next().await.is_some() {}
    }

    /// Sends a message and passes on what comes of it. `owes` is the request that waits for it.
    async fn exchange(&self, message: &Message, owes: Option<&str>) {
        let outcome = match self.send(message).await {
            Ok(reply) => self.pass_reply(reply, message, owes).await,
            Err(fault) => Err(fault),
        };
        match (owes, outcome) {
            (Some(owes), outcome) => self.end(owes, outcome.err()).await,
            (None, Err(fault)) => tracing::warn!(error = ?fault.text(), "an answer of the client was lost"),
            (None, Ok(())) => {}
        }
    }

    /// The reply to a message. A server that has lost its session says that the parameters are wrong.
    async fn send(&self, message: &Message) -> Result<Reply, Fault> {
        let session = self.runtime.next_session().await?;
        let replayed = self.runtime.was_replayed();
        let reply = self.runtime.invoke(message, &session).await?;
        let wants = message.kind == Kind::Request && !message.is_initialize() && !replayed;
        let lost = matches!(&reply, Reply::Json(text) if wants && code_of(text) == Some(INVALID_PARAMS));
        if lost && self.runtime.replay(&session).await {
            return self.runtime.invoke(message, &session).await;
        }
        Ok(reply)
    }

    async fn pass_reply(&self, reply: Reply, message: &Message, owes: Option<&str>) -> Result<(), Fault> {
        match reply {
            Reply::Empty if message.kind == Kind::Request => Err(Fault::missing()),
            Reply::Empty => Ok(()),
            Reply::Json(text) => self.pass(text, message, owes).await,
            Reply::Events(answer) => self.pass_events(*answer, message, owes).await,
        }
    }

    async fn pass_events(&self, answer: Answer, message: &Message, owes: Option<&str>) -> Result<(), Fault> {
        let mut events = Events::new(LARGEST_ANSWER);
        let mut pieces = std::pin::pin!(answer.pieces());
        let (mut any, mut fault) = (false, Ok(()));
        loop {
            let waits = owes.is_none_or(|key| self.ledger.is_open(key));
            let piece = if waits {
                pieces.next().await
            } else {
                tokio::time::timeout(AFTERWARDS, pieces.next()).await.unwrap_or(None)
            };
            let (messages, last) = match piece {
                Some(piece) => {
                    let piece = piece.map_err(|error| Fault::body(&error.to_string()))?;
                    any |= !piece.is_empty();
                    (events.push(&piece)?, false)
                }
                None => (events.finish().into_iter().collect(), true),
            };
            for text in messages {
                fault = self.pass(text, message, owes).await.and(fault);
            }
            if last {
                break;
            }
        }
        if any { fault } else { Err(Fault::missing()) }
    }

    /// Passes a message of the runtime on.
    async fn pass(&self, text: String, message: &Message, owes: Option<&str>) -> Result<(), Fault> {
        let value: Value = serde_json::from_str(&text).map_err(|e| Fault::body(&e.to_string()))?;
        if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(Fault::body("it is no JSON-RPC message"));
        }
        let id = value.get("id").unwrap_or(&Value::Null);
        if value.get("method").is_some() {
            if let Some(owes) = owes.filter(|_| !id.is_null()) {
                self.ledger.asked(id, owes);
            }
            self.tell(text).await;
            return Ok(());
        }
        if let Some(done) = self.ledger.answered(id) {
            if message.is_initialize() {
                self.runtime.learn(&value);
            }
            self.tell(text).await;
            drop(done);
            return Ok(());
        }
        match value.get("error") {
            // A server that could not tell whose request it was: there was only the one.
            Some(error) if id.is_null() || id == NOBODY => Err(Fault::of_runtime(error.clone())),
            _ => {
                tracing::debug!(?id, "an answer that nobody waits for");
                Ok(())
            }
        }
    }

    /// An exchange has ended; tells the client of it if no other can bring the answer.
    async fn end(&self, key: &str, fault: Option<Fault>) {
        if let Some((id, fault, done)) = self.ledger.ended(key, fault) {
            tracing::warn!(?id, error = ?fault.text(), "a request failed");
            self.tell(fault.line(&id)).await;
            drop(done);
        }
    }

    async fn tell(&self, line: String) {
        // A closed output ends the relay elsewhere.
        let _ = self.out.send(line).await;
    }
}

/// The error's code in a response.
fn code_of(text: &str) -> Option<i64> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.pointer("/error/code")?.as_i64()
}
