//! Who owns a session, and where it is: kept under a hash of its id, which is what opens it.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{State, Unavailable, hashed};

/// A session of `/mcp`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    /// A hash of the caller's name.
    pub owner: String,
    /// What the client said when it began the session.
    pub initialize: serde_json::Value,
}

/// A stream of `/sse`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stream {
    /// A hash of the caller's name.
    pub owner: String,
    /// The replica that it is open on.
    pub replica: String,
}

impl State {
    /// Keeps a session until nobody asked for it for `life`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn keep_session(&self, id: &str, session: &Session, life: Duration) -> Result<(), Unavailable> {
        self.keep("session", &hashed("session", id), session, life).await
    }

    /// A session, whose life begins anew.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn session(&self, id: &str, life: Duration) -> Result<Option<Session>, Unavailable> {
        let key = self.key("session", &hashed("session", id));
        let expiry = redis::Expiry::PX(milliseconds(life));
        let text: Option<String> = self.ask(async |c| c.get_ex(key, expiry).await).await?;
        Ok(read(text))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_session(&self, id: &str) -> Result<(), Unavailable> {
        let key = self.key("session", &hashed("session", id));
        self.ask(async |c| c.del(key).await).await
    }

    /// Says where a stream is open, for `life`. `name` is the hash of its id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn keep_stream(&self, name: &str, stream: &Stream, life: Duration) -> Result<(), Unavailable> {
        self.keep("stream", name, stream, life).await
    }

    /// Where a stream is open.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn stream(&self, name: &str) -> Result<Option<Stream>, Unavailable> {
        let key = self.key("stream", name);
        let text: Option<String> = self.ask(async |c| c.get(key).await).await?;
        Ok(read(text))
    }

    /// Says that a stream is closed.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_stream(&self, name: &str) -> Result<(), Unavailable> {
        let key = self.key("stream", name);
        self.ask(async |c| c.del(key).await).await
    }

    async fn keep(&self, kind: &str, name: &str, value: &impl Serialize, life: Duration) -> Result<(), Unavailable> {
        let text = serde_json::to_string(value).map_err(|_| Unavailable)?;
        let key = self.key(kind, name);
        self.ask(async |c| c.pset_ex(key, text, milliseconds(life)).await).await
    }
}

/// What can't be read is nobody's.
fn read<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
    serde_json::from_str(&text?).ok()
}

fn milliseconds(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50)
}
