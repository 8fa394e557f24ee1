//! What came in.

use axum::{
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use bytes::Bytes;
use serde_json::Value;

/// The largest body that is read.
const BODY_LIMIT: usize = 16 << 20;

/// One request, as it came, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    /// Path and query, as they were sent.
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The account whose credentials signed it, once that is proven.
    pub(crate) account: Option<String>,
    /// `None`: not answered yet.
    pub(crate) status: Option<StatusCode>,
}

impl Recorded {
    pub(crate) async fn read(request: Request) -> Result<Self, axum::Error> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: to_bytes(body, BODY_LIMIT).await?,
            account: None,
            status: None,
        })
    }

    /// The JSON-RPC message; null when it is none.
    pub(crate) fn message(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method, or an empty text.
    pub(crate) fn rpc_method(&self) -> String {
        let message = self.message();
        let method = message.get("method").and_then(Value::as_str);
        method.unwrap_or_default().to_owned()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn session_id(&self) -> Option<&str> {
        self.header("mcp-session-id")
    }
}
