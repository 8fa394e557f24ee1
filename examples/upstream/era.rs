//! Which revisions of the protocol it speaks. rmcp serves every one of them, so those that aren't spoken are refused before.

use std::borrow::Cow;

use axum::{
    Json,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use clap::ValueEnum;
use rmcp::model::{ErrorCode, ProtocolVersion};
use serde_json::{Value, json};

use super::record::Recorded;

/// The revisions that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Era {
    /// Up to 2025-11-25, with sessions. `server/discover` gets the 400 of a server that never heard of it.
    Legacy,
    /// The same, but `server/discover` gets a JSON-RPC error with 200.
    LegacyRpc,
    /// 2026-07-28 only, without sessions. `initialize` is refused.
    Modern,
    Both,
}

impl Era {
    pub(super) fn versions(self) -> Cow<'static, [ProtocolVersion]> {
        let known = ProtocolVersion::KNOWN_VERSIONS;
        let modern = |v: &ProtocolVersion| v.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
        match self {
            Self::Both => Cow::Borrowed(known),
            Self::Modern => known.iter().filter(|v| modern(v)).cloned().collect(),
            Self::Legacy | Self::LegacyRpc => known.iter().filter(|v| !modern(v)).cloned().collect(),
        }
    }

    /// The answer to what this era doesn't have. Without `sessions`, as in a runtime, no session is asked for either.
    pub(super) fn refuse(self, request: &Recorded, sessions: bool) -> Option<Response> {
        let message = request.message();
        let method = request.rpc_method();
        let version = request.header("mcp-protocol-version").unwrap_or_default();
        let id = message.get("id").cloned().unwrap_or_default();
        match self {
            Self::Both => None,
            Self::Modern if request.method != Method::POST => Some(StatusCode::METHOD_NOT_ALLOWED.into_response()),
            Self::Modern if method == "initialize" => {
                let data = json!({
                    "supported": self.versions(),
                    "requested": message.pointer("/params/protocolVersion"),
                });
                let code = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0;
                let error = json!({ "code": code, "message": "Unsupported protocol version", "data": data });
                Some(failure(StatusCode::BAD_REQUEST, &id, &error))
            }
            Self::Modern => None,
            Self::LegacyRpc | Self::Legacy if method == "server/discover" && (self == Self::LegacyRpc || !sessions) => {
                let error = json!({ "code": ErrorCode::METHOD_NOT_FOUND.0, "message": "Method not found" });
                Some(failure(StatusCode::OK, &id, &error))
            }
            _ if sessions
                && request.session_id().is_none()
                && method != "initialize"
                && request.method == Method::POST =>
            {
                let error =
                    json!({ "code": ErrorCode::INVALID_REQUEST.0, "message": "Bad Request: Missing session ID" });
                Some(failure(StatusCode::BAD_REQUEST, &id, &error))
            }
            _ if version >= ProtocolVersion::V_2026_07_28.as_str() => {
                let text = format!("Bad Request: Unsupported protocol version: {version}");
                let error = json!({ "code": ErrorCode::INVALID_REQUEST.0, "message": text });
                Some(failure(StatusCode::BAD_REQUEST, &id, &error))
            }
            _ => None,
        }
    }
}

/// A JSON-RPC error.
pub(super) fn failure(status: StatusCode, id: &Value, error: &Value) -> Response {
    (status, Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }))).into_response()
}
