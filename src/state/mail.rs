//! What replicas tell each other: letters to one of them, which are answered, and word to all.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::StreamExt as _;
use redis::AsyncCommands as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{CONNECT, State, Unavailable};

/// After a lost connection.
const PAUSE: Duration = Duration::from_millis(500);
/// Letters that may wait to be read.
const CAPACITY: usize = 256;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The session has it.
    Accepted,
    /// The session has too many already.
    Busy,
    /// There is no such session.
    Gone,
    /// The replica is stopping.
    Stopping,
    /// The replica or the caller has too many requests in flight.
    Full,
}

/// What came in.
#[derive(Debug)]
pub enum Letter {
    /// A sealed message for a stream of this replica.
    Message {
        /// The stream, by its name.
        stream: String,
        /// The message.
        sealed: Vec<u8>,
        /// Takes the answer.
        reply: Reply,
    },
    /// A session, by its name, was ended by another replica.
    Ended(String),
}

/// The way back to who wrote a letter.
#[derive(Debug)]
pub struct Reply {
    to: String,
    number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Message {
        from: String,
        number: u64,
        stream: String,
        sealed: String,
    },
    Reply {
        number: u64,
        outcome: Outcome,
    },
    Ended {
        session: String,
    },
}

/// This replica's address, and the letters of its own that are not answered yet.
pub struct Mailbox {
    state: Arc<State>,
    replica: String,
    next: AtomicU64,
    open: Mutex<HashMap<u64, oneshot::Sender<Outcome>>>,
}

impl Mailbox {
    /// Opens it until `over`, which takes a tokio runtime. What comes in is read from the receivers: messages, then word of ends.
    pub fn open(
        state: Arc<State>,
        over: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<Letter>, mpsc::Receiver<Letter>) {
        let mailbox = Arc::new(Self {
            state,
            replica: uuid::Uuid::new_v4().simple().to_string(),
            next: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let (messages, for_streams) = mpsc::channel(CAPACITY);
        let (ends, for_sessions) = mpsc::channel(CAPACITY);
        let postman = mailbox.clone();
        tokio::spawn(async move {
            let work = async {
                loop {
                    if let Err(error) = postman.deliver(&messages, &ends).await {
                        tracing::debug!(?error, "no letters for now");
                    }
                    // So that an outage is said before a request meets it.
                    let _: Result<String, Unavailable> = postman
                        .state
                        .ask(async |c| redis::cmd("PING").query_async(c).await)
                        .await;
                    tokio::time::sleep(PAUSE).await;
                }
            };
            let _: Option<()> = over.run_until_cancelled(work).await;
        });
        (mailbox, for_streams, for_sessions)
    }

    /// This replica's name.
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// Sends a sealed message to a stream of another replica, and waits at most `patience` for what became of it.
    ///
    /// # Errors
    /// [`Unavailable`], also if the replica does not answer; [`Outcome::Gone`] says that it is no more.
    pub async fn send(
        &self,
        replica: &str,
        stream: &str,
        sealed: &[u8],
        patience: Duration,
    ) -> Result<Outcome, Unavailable> {
        let number = self.next.fetch_add(1, Relaxed);
        let (answer, answered) = oneshot::channel();
        self.open_letters().insert(number, answer);
        let letter = Wire::Message {
            from: self.replica.clone(),
            number,
            stream: stream.to_owned(),
            sealed: base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sealed),
        };
        let outcome = async {
            match self.post(replica, &letter).await? {
                0 => Ok(Outcome::Gone),
                _ => tokio::time::timeout(patience, answered)
                    .await
                    .map_err(|_| Unavailable)?
                    .map_err(|_| Unavailable),
            }
        };
        let outcome = outcome.await;
        self.open_letters().remove(&number);
        outcome
    }

    /// Answers a letter. An answer that is lost is one that does not come in time.
    pub async fn reply(&self, reply: Reply, outcome: Outcome) {
        let letter = Wire::Reply {
            number: reply.number,
            outcome,
        };
        let _ = self.post(&reply.to, &letter).await;
    }

    /// Tells every replica that a session, by its name, has ended. Who does not hear it learns it from the store.
    pub async fn ended(&self, session: String) {
        let _ = self.post("all", &Wire::Ended { session }).await;
    }

    fn open_letters(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Outcome>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(&self, to: &str, letter: &Wire) -> Result<usize, Unavailable> {
        let text = serde_json::to_string(letter).map_err(|_| Unavailable)?;
        let channel = self.state.key("replica", to);
        self.state.ask(async |c| c.publish(channel, text).await).await
    }

    /// Hands out what comes in, until the connection is lost.
    async fn deliver(&self, messages: &mpsc::Sender<Letter>, ends: &mpsc::Sender<Letter>) -> Result<(), String> {
        let connecting = async {
            let mut letters = self.state.client.get_async_pubsub().await?;
            letters.subscribe(self.state.key("replica", &self.replica)).await?;
            letters.subscribe(self.state.key("replica", "all")).await?;
            Ok(letters)
        };
        let connected = tokio::time::timeout(CONNECT, connecting).await;
        let letters = connected.map_err(|_| "no connection in time".to_owned())?;
        let mut letters = letters.map_err(|e: redis::RedisError| e.to_string())?.into_on_message();
        while let Some(letter) = letters.next().await {
            let Ok(wire) = serde_json::from_slice(letter.get_payload_bytes()) else {
                continue;
            };
            match wire {
                Wire::Reply { number, outcome } => {
                    if let Some(waiting) = self.open_letters().remove(&number) {
                        let _ = waiting.send(outcome);
                    }
                }
                // Who writes faster than is read gets no answer, which is told as such.
                Wire::Ended { session } => drop(ends.try_send(Letter::Ended(session))),
                Wire::Message {
                    from,
                    number,
                    stream,
                    sealed,
                } => {
                    let engine = &base64::engine::general_purpose::STANDARD;
                    let Ok(sealed) = base64::Engine::decode(engine, sealed) else {
                        continue;
                    };
                    let reply = Reply { to: from, number };
                    drop(messages.try_send(Letter::Message { stream, sealed, reply }));
                }
            }
        }
        Ok(())
    }
}
