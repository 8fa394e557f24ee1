//! A line of the client as a JSON-RPC message, and what of it goes into headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::fault::Fault;

/// What a message is, and so who is waiting for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    /// The client's answer to a request of the server.
    Response,
    Notification,
}

/// A message, as the client wrote it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) method: String,
    /// `Null` for notifications.
    pub(super) id: Value,
    /// Where a `notifications/cancelled` points to.
    pub(super) cancels: Option<Value>,
    /// The client's bytes: numbers and the order of keys stay what they were.
    pub(super) bytes: Bytes,
    /// The protocol version that the message itself states, as 2026-07-28 has it.
    pub(super) version: Option<String>,
    name: Option<String>,
    trace: Vec<(&'static str, String)>,
}

/// The trace context's keys in `_meta`, which are also its headers. Source: SEP-414.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

impl Message {
    /// Reads a line.
    ///
    /// # Errors
    /// What to answer, and to whom.
    pub(super) fn read(line: &str) -> Result<Self, (Value, Fault)> {
        let value: Value = serde_json::from_str(line).map_err(|e| (Value::Null, Fault::parse(&e.to_string())))?;
        let invalid = |id: &Value, why: &str| Err((id.clone(), Fault::invalid(why)));
        let Value::Object(object) = &value else {
            let batch = "MCP has no batches: send each message on a line of its own";
            return match value {
                Value::Array(_) => invalid(&Value::Null, batch),
                _ => invalid(&Value::Null, "a message is a JSON object"),
            };
        };
        let id = object.get("id");
        let usable = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
        if id.is_some_and(|id| !usable(id)) {
            return invalid(&Value::Null, "`id` must be a string or a whole number");
        }
        let known = id.cloned().unwrap_or_default();
        if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid(&known, "`jsonrpc` must be \"2.0\"");
        }
        let method = object.get("method").map(|method| method.as_str());
        let answers = object.contains_key("result") || object.contains_key("error");
        let kind = match (method, id, answers) {
            (Some(None), ..) => return invalid(&known, "`method` must be a string"),
            (Some(Some(_)), Some(_), _) => Kind::Request,
            (Some(Some(_)), None, _) => Kind::Notification,
            (None, Some(_), true) => Kind::Response,
            // An error that says of no request what was wrong with it.
            (None, None, true) => Kind::Notification,
            (None, _, false) => return invalid(&known, "it has neither `method` nor `result` nor `error`"),
        };
        let method = method.flatten().unwrap_or_default();
        let params = object.get("params");
        let text = |key: &str| params?.get(key)?.as_str().map(str::to_owned);
        let meta = |key: &str| params?.get("_meta")?.get(key)?.as_str().map(str::to_owned);
        let cancels = (method == "notifications/cancelled").then(|| params?.get("requestId").cloned());
        Ok(Self {
            kind,
            method: method.to_owned(),
            id: known,
            cancels: cancels.flatten(),
            bytes: Bytes::copy_from_slice(line.as_bytes()),
            version: meta(VERSION),
            // Source: SEP-2243, standard headers.
            name: match method {
                "tools/call" | "prompts/get" => text("name"),
                "resources/read" | "resources/subscribe" | "resources/unsubscribe" => text("uri"),
                "tasks/get" | "tasks/update" | "tasks/cancel" => text("taskId"),
                _ => None,
            },
            trace: TRACE.iter().filter_map(|key| Some((*key, meta(key)?))).collect(),
        })
    }

    /// Whether it opens a session.
    pub(super) fn is_initialize(&self) -> bool {
        self.kind == Kind::Request && self.method == "initialize"
    }

    /// The headers that say in HTTP what the message says in JSON. What no header can hold is left out.
    pub(super) fn headers(&self, version: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            let visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            if let Some(value) = HeaderValue::from_str(value).ok().filter(|_| visible) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if let Some(version) = self.version.as_deref().or(version.filter(|_| !self.is_initialize())) {
            set("mcp-protocol-version", version);
        }
        if !self.method.is_empty() {
            set("mcp-method", &self.method);
        }
        if let Some(name) = &self.name {
            set("mcp-name", &encoded(name));
        }
        for (name, value) in &self.trace {
            set(name, value);
        }
        headers
    }
}

/// A header's value that keeps its meaning. Source: SEP-2243, encoding.
fn encoded(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && value.trim() == value;
    if plain && !(value.starts_with("=?base64?") && value.ends_with("?=")) {
        value.to_owned()
    } else {
        format!("=?base64?{}?=", STANDARD.encode(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_told_so() {
        let refused = |line: &str| {
            let (id, fault) = Message::read(line).unwrap_err();
            serde_json::from_str::<Value>(&fault.line(&id)).unwrap()
        };
        for (line, code, says) in [
            ("{", -32700, "Parse error: "),
            ("hello", -32700, "Parse error: "),
            ("[]", -32600, "a line of its own"),
            ("7", -32600, "JSON object"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, -32600, "`id`"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#, -32600, "`id`"),
            (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, -32600, "`method`"),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600, "neither"),
            (r#"{"id":1,"method":"x"}"#, -32600, "`jsonrpc`"),
        ] {
            let told = refused(line);
            assert_eq!(told["error"]["code"], code, "{line}");
            assert!(told["error"]["message"].as_str().unwrap().contains(says), "{told}");
            assert!(told.as_object().unwrap().contains_key("id"), "{told}");
        }
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":"a"}"#)["id"], "a");
        assert_eq!(refused("{")["id"], Value::Null);
        let deep = "[".repeat(100_000);
        assert_eq!(refused(&deep)["error"]["code"], -32700);
    }

    #[test]
    fn headers_say_what_the_message_says() {
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe","_meta":{"traceparent":"00-1-2-01","tracestate":"a=b\n","io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let message = Message::read(line).unwrap();
        let headers = message.headers(Some("2025-06-18"));
        assert_eq!(headers["mcp-method"], "tools/call");
        assert_eq!(headers["mcp-name"], "=?base64?Z3LDtsOfZQ==?=");
        assert_eq!(headers["traceparent"], "00-1-2-01");
        assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
        assert!(!headers.contains_key("tracestate"));
        let plain =
            Message::read(r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b"}}"#).unwrap();
        assert_eq!(plain.headers(Some("2025-06-18"))["mcp-protocol-version"], "2025-06-18");
        assert_eq!(plain.headers(None)["mcp-name"], "a://b");
        let initialize = Message::read(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#).unwrap();
        assert!(
            !initialize
                .headers(Some("2025-06-18"))
                .contains_key("mcp-protocol-version")
        );
        assert_eq!(encoded("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
    }
}
