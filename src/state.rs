//! What replicas share, in a Redis or Valkey: sessions, the streams of `/sse`, and what callers have used of their rates.
//!
//! Nothing secret is kept there: names are hashed, messages between replicas are sealed with what only the session's client and
//! the replicas that it talks to know.

mod buckets;
mod mail;
mod records;
mod seal;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, RedisResult, aio::MultiplexedConnection};
use sha2::{Digest as _, Sha256};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::config::StateConfig;

pub use buckets::Empty;
pub use mail::{Letter, Mailbox, Outcome};
pub use records::{Session, Stream};
pub use seal::{open, seal};

/// How long connecting may take, TLS and sign-in included.
const CONNECT: Duration = Duration::from_secs(1);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);
/// After a failure nobody asks for this long, so that an outage costs no request more than this once.
const REST: Duration = Duration::from_secs(1);

/// The state can't be asked. The log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replicas' shared state can't be asked (STATE_URL)")]
pub struct Unavailable;

/// The way to what replicas share.
pub struct State {
    client: Client,
    prefix: String,
    replicas: u32,
    connection: AsyncMutex<Option<MultiplexedConnection>>,
    outage: Mutex<Option<Outage>>,
    bucket: redis::Script,
}

#[derive(Clone, Copy)]
struct Outage {
    since: Instant,
    rest_until: Instant,
}

impl State {
    /// As the configuration says; `None` without STATE_URL. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with STATE_URL, without its value: it may hold a password.
    pub fn new(config: &StateConfig) -> Result<Option<Self>, &'static str> {
        let Some(url) = &config.state_url else { return Ok(None) };
        let scheme = url.expose().split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("redis" | "rediss" | "valkey" | "valkeys")) {
            return Err("expected redis://HOST or rediss://HOST");
        }
        let client = Client::open(url.expose()).map_err(
            |_| "expected redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB], with what is special in the password percent-encoded",
        )?;
        if url.expose().ends_with("#insecure") {
            return Err(
                "a certificate that is not checked protects nothing: leave out #insecure, and trust your authority by SSL_CERT_FILE",
            );
        }
        Ok(Some(Self {
            client,
            prefix: config.state_prefix.clone(),
            replicas: config.state_replicas,
            connection: AsyncMutex::default(),
            outage: Mutex::default(),
            bucket: buckets::script(),
        }))
    }

    /// How many replicas share it at most.
    pub fn replicas(&self) -> u32 {
        self.replicas
    }

    /// Since when it has not answered.
    pub fn out_since(&self) -> Option<Instant> {
        self.outage().map(|outage| outage.since)
    }

    fn outage(&self) -> Option<Outage> {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}:{name}", self.prefix)
    }

    /// Asks, in bounded time. Whatever goes wrong, wrong data included, is an outage: nothing is let in for want of an answer.
    async fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        if self.outage().is_some_and(|outage| Instant::now() < outage.rest_until) {
            return Err(Unavailable);
        }
        let asked = async {
            let mut connection = self.connected().await?;
            tokio::time::timeout(ANSWER, work(&mut connection))
                .await
                .map_err(|_| "no answer in time".to_owned())?
                .map_err(|e| e.to_string())
        };
        match asked.await {
            Ok(answer) => {
                self.note_answer();
                Ok(answer)
            }
            Err(error) => {
                self.note_failure(&error);
                *self.connection.lock().await = None;
                Err(Unavailable)
            }
        }
    }

    async fn connected(&self) -> Result<MultiplexedConnection, String> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let made = tokio::time::timeout(CONNECT, connecting)
            .await
            .map_err(|_| "no connection in time".to_owned())?
            .map_err(|e| e.to_string())?;
        *connection = Some(made.clone());
        Ok(made)
    }

    fn note_answer(&self) {
        let ended = self.outage.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outage) = ended {
            let seconds = outage.since.elapsed().as_secs();
            tracing::info!(seconds, "the shared state answers again");
        }
    }

    fn note_failure(&self, error: &str) {
        let now = Instant::now();
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let since = outage.map_or(now, |o| o.since);
        if outage.is_none() {
            tracing::warn!(
                ?error,
                "the shared state (STATE_URL) does not answer: sessions and /sse fail with 503, stateless requests go on at this replica's share of the rates"
            );
        }
        *outage = Some(Outage {
            since,
            rest_until: now + REST,
        });
    }
}

/// A name that says nothing of what it is the name of, unless one knows that.
pub fn hashed(kind: &str, name: &str) -> String {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(name)
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
