//! One JSON-RPC message from a request's body, within the limits on its size, its time and its depth.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_LENGTH, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use rmcp::model::ClientJsonRpcMessage;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{INVALID_REQUEST, PARSE_ERROR, Refused, rpc_error};
use crate::{
    config::http::HttpLimits,
    metrics::{self, Cause},
};

/// The limits on a body.
#[derive(Clone, Copy)]
pub(super) struct BodyLimits {
    bytes: Option<usize>,
    depth: Option<usize>,
    time: Option<Duration>,
}

/// A message that was read.
pub(super) struct Message {
    pub(super) parts: Parts,
    pub(super) bytes: Bytes,
    pub(super) parsed: ClientJsonRpcMessage,
}

/// Enough of a message to name it in an error.
#[derive(Deserialize)]
struct Envelope {
    id: Option<Value>,
}

impl BodyLimits {
    pub(super) fn new(limits: &HttpLimits) -> Self {
        Self {
            bytes: limits.max_body_bytes.get(),
            depth: limits.max_json_depth.get(),
            time: limits.body_read_timeout.get(),
        }
    }

    /// Reads the message, or makes the answer that says why not.
    pub(super) async fn read(self, request: Request) -> Result<Message, Refused> {
        let (parts, body) = request.into_parts();
        let announced = parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if self.bytes.is_some_and(|max| announced.is_some_and(|n| n > max)) {
            return Err(self.too_large());
        }
        let bytes = match self.time {
            Some(time) => tokio::time::timeout(time, self.collect(body)).await.map_err(|_| {
                let text = "the request's body took too long (BODY_READ_TIMEOUT)";
                refuse(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, None, text)
            })?,
            None => self.collect(body).await,
        }?;
        if self.depth.is_some_and(|max| depth(&bytes) > max) {
            let text = "the request's JSON is nested too deeply (MAX_JSON_DEPTH)";
            return Err(refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, None, text));
        }
        let parsed = parse(&bytes)?;
        Ok(Message { parts, bytes, parsed })
    }

    async fn collect(self, body: Body) -> Result<Bytes, Refused> {
        match Limited::new(body, self.bytes.unwrap_or(usize::MAX)).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(self.too_large()),
            Err(_) => Err(refuse(
                StatusCode::BAD_REQUEST,
                INVALID_REQUEST,
                None,
                "the request's body ended before its time",
            )),
        }
    }

    fn too_large(self) -> Refused {
        let text = format!(
            "the request's body exceeds {} bytes (MAX_BODY_BYTES)",
            self.bytes.unwrap_or(usize::MAX)
        );
        refuse(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, None, &text)
    }
}

fn parse(bytes: &[u8]) -> Result<ClientJsonRpcMessage, Refused> {
    serde_json::from_slice(bytes).map_err(|error| {
        if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err() {
            let text = format!("the request's body is not JSON: {error}");
            return refuse(StatusCode::BAD_REQUEST, PARSE_ERROR, None, &text);
        }
        let id = serde_json::from_slice::<Envelope>(bytes).ok().and_then(|e| e.id);
        let id = id.filter(|id| id.is_string() || id.is_number());
        let text = "the request's body is not one JSON-RPC 2.0 message (batches are not taken)";
        refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, id.as_ref(), text)
    })
}

fn refuse(status: StatusCode, code: i32, id: Option<&Value>, text: &str) -> Refused {
    tracing::warn!(status = status.as_u16(), reason = ?text, "refused");
    let cause = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Cause::BodyTooLarge,
        StatusCode::REQUEST_TIMEOUT => Cause::BodyTimeout,
        _ => Cause::BodyInvalid,
    };
    metrics::record(|m| m.rejected(cause));
    Box::new(rpc_error(status, code, id, text))
}

/// How deep the brackets go. A scan, not a parse: it needs no stack, so no body can exhaust it.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(b"1"), 0);
        assert_eq!(depth(br#"{"a":[{"b":1}],"c":{}}"#), 3);
        assert_eq!(depth(br#"{"a":"[[[[\"[[[\\","b":[]}"#), 2);
        assert_eq!(depth("[".repeat(100_000).as_bytes()), 100_000);
    }
}
