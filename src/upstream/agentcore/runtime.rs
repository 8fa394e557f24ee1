//! One InvokeAgentRuntime: the signed request, its one repetition with new keys, and the handshake that a lost session needs.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    aws::AccountError,
    config::{AgentArn, SessionMode},
    upstream::{
        Endpoint, Keys, Patience, Sender, UpstreamError,
        sender::{Answer, LARGEST_ANSWER},
    },
};

use super::{
    Acting,
    events::{Events, on_one_line},
    fault::{Fault, Place},
    message::Message,
    session::Sessions,
};

const SERVICE: &str = "bedrock-agentcore";
const RUNTIME_SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const MCP_SESSION: &str = "mcp-session-id";
/// The version that is asked for where the client never asked for one.
const VERSION: &str = "2025-06-18";

/// Which runtime, and how it is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The runtime.
    pub arn: AgentArn,
    /// Its endpoint.
    pub qualifier: String,
    /// Where AgentCore is.
    pub endpoint: Endpoint,
    /// Which session requests go to.
    pub mode: SessionMode,
    /// Whether `Mcp-Session-Id` is sent as well.
    pub mcp_session_id: bool,
    /// Time for the answer to begin, and for each further piece; `None` sets no limit.
    pub read_timeout: Option<Duration>,
}

/// A runtime that messages can be sent to.
#[derive(Debug)]
pub struct Runtime {
    settings: Settings,
    url: String,
    who: String,
    sender: Sender,
    sessions: Sessions,
    known: Mutex<Known>,
    replayed: OnceCell<bool>,
}

/// What the exchanges so far have told.
#[derive(Debug, Default)]
struct Known {
    initialize: Option<Message>,
    version: Option<String>,
    mcp_session: Option<String>,
}

/// An answer with success.
#[derive(Debug)]
pub(super) enum Reply {
    Empty,
    Json(String),
    Events(Box<Answer>),
}

impl Runtime {
    /// `http` must follow no redirect.
    pub fn new(settings: Settings, http: SharedHttpConnector, acting: Acting) -> Self {
        let acting = Arc::new(acting);
        let url = format!(
            "{}/runtimes/{}/invocations?qualifier={}",
            settings.endpoint.url().trim_end_matches('/'),
            encoded(settings.arn.runtime()),
            encoded(&settings.qualifier)
        );
        let patience = Patience {
            read: settings.read_timeout,
        };
        let scope = (SERVICE, settings.arn.region().as_str());
        Self {
            url,
            who: acting.name(),
            sender: Sender::new(
                http,
                settings.endpoint.clone(),
                scope,
                Keys::new(acting.clone()),
                patience,
            ),
            sessions: Sessions::new(settings.mode, acting),
            settings,
            known: Mutex::default(),
            replayed: OnceCell::new(),
        }
    }

    /// How long is waited for what is under way when the client has gone.
    pub(super) fn read_timeout(&self) -> Option<Duration> {
        self.settings.read_timeout
    }

    /// The session that the next message goes to.
    pub(super) async fn next_session(&self) -> Result<String, Fault> {
        self.sessions.next().await.map_err(|error| Fault::credentials(&error))
    }

    /// Remembers the client's own handshake.
    pub(super) fn remember(&self, initialize: &Message) {
        self.known().initialize = Some(initialize.clone());
    }

    /// Learns the protocol's version from the answer to `initialize`.
    pub(super) fn learn(&self, answer: &Value) {
        if let Some(version) = answer.pointer("/result/protocolVersion").and_then(Value::as_str) {
            self.known().version = Some(version.to_owned());
        }
    }

    /// Sends a message. Keys that have ended are renewed once, and the message is sent again to the same session.
    pub(super) async fn invoke(&self, message: &Message, session: &str) -> Result<Reply, Fault> {
        match self.attempt(message, session).await {
            Err((fault, true)) => {
                tracing::info!(error = ?fault.text(), "AWS does not take the keys: asking for new ones");
                self.sender.keys().forget();
                self.attempt(message, session).await.map_err(|(fault, _)| fault)
            }
            other => other.map_err(|(fault, _)| fault),
        }
    }

    /// One request. Beside an error: whether new keys may help.
    async fn attempt(&self, message: &Message, session: &str) -> Result<Reply, (Fault, bool)> {
        let place = Place {
            arn: &self.settings.arn,
            qualifier: &self.settings.qualifier,
            who: &self.who,
        };
        let request = self.request(message, session);
        let request = request.map_err(|error| (Fault::invoke(&error, None, &place), false))?;
        let answer = match self.sender.send(request).await {
            Ok(answer) => answer,
            Err(error @ (UpstreamError::Account(_) | UpstreamError::Credentials(_))) => {
                let rejected = matches!(error, UpstreamError::Account(AccountError::Rejected { .. }));
                if !rejected {
                    // Whoever renews them should not have to wait for what is remembered of this failure.
                    self.sender.keys().forget();
                }
                return Err((Fault::credentials(&error), rejected));
            }
            Err(error) => return Err((Fault::invoke(&error, None, &place), false)),
        };
        if answer.status.is_success() {
            return self.reply(answer).await.map_err(|fault| (fault, false));
        }
        let (host, head) = (answer.host().to_owned(), (answer.status, answer.headers.clone()));
        let request_id = answer.header("x-amzn-requestid").map(str::to_owned);
        let body = answer.bytes().await.unwrap_or_default();
        if let Some(error) = one_of_jsonrpc(&body) {
            return Ok(Reply::Json(error));
        }
        let error = Answer::whole(head, body, &host).into_error().await;
        let fault = Fault::invoke(&error, request_id.as_deref(), &place);
        Err((fault, error.keys_expired()))
    }

    fn request(&self, message: &Message, session: &str) -> Result<Request<Bytes>, UpstreamError> {
        let wrong = |e: &dyn std::fmt::Display| UpstreamError::Request(e.to_string());
        let (version, mcp_session) = {
            let known = self.known();
            (known.version.clone(), known.mcp_session.clone())
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|e| wrong(&e));
        let mut request = Request::new(message.bytes.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.parse().map_err(|e| wrong(&e))?;
        let headers = request.headers_mut();
        headers.extend(message.headers(version.as_deref()));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(RUNTIME_SESSION, value(session)?);
        if self.settings.mcp_session_id {
            headers.insert(MCP_SESSION, value(mcp_session.as_deref().unwrap_or(session))?);
        }
        Ok(request)
    }

    async fn reply(&self, answer: Answer) -> Result<Reply, Fault> {
        // In a session of its own, what one request was given means nothing to the next.
        if self.settings.mode != SessionMode::Request
            && let Some(session) = answer.header(MCP_SESSION)
        {
            self.known().mcp_session = Some(session.to_owned());
        }
        if matches!(answer.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(Reply::Empty);
        }
        if answer.content_type() == "text/event-stream" {
            return Ok(Reply::Events(Box::new(answer)));
        }
        let body = answer.bytes().await.map_err(|error| Fault::body(&error.to_string()))?;
        if body.trim_ascii().is_empty() {
            return Ok(Reply::Empty);
        }
        let text = std::str::from_utf8(&body).map_err(|error| Fault::body(&error.to_string()))?;
        let not_json = || Fault::body("it is no JSON");
        on_one_line(text).map(Reply::Json).ok_or_else(not_json)
    }

    /// Whether the handshake has been repeated, which is done once.
    pub(super) fn was_replayed(&self) -> bool {
        self.replayed.initialized()
    }

    /// Repeats the handshake in a session, and tells whether there is one now. Whoever comes meanwhile waits for the same.
    pub(super) async fn replay(&self, session: &str) -> bool {
        let handshake = || async {
            match self.handshake(session).await {
                Ok(()) => {
                    tracing::info!("the runtime knew of no handshake: it was repeated");
                    true
                }
                Err(fault) => {
                    tracing::warn!(error = ?fault.text(), "the runtime takes no handshake either");
                    false
                }
            }
        };
        *self.replayed.get_or_init(handshake).await
    }

    async fn handshake(&self, session: &str) -> Result<(), Fault> {
        let known = self.known().initialize.clone();
        let initialize = match known {
            Some(initialize) => initialize,
            None => {
                let client = json!({ "name": "aws-ops-mcp", "version": env!("CARGO_PKG_VERSION") });
                let params = json!({ "protocolVersion": VERSION, "capabilities": {}, "clientInfo": client });
                own(&json!({ "jsonrpc": "2.0", "id": "aws-ops-mcp", "method": "initialize", "params": params }))?
            }
        };
        let answer = match self.invoke(&initialize, session).await? {
            Reply::Empty => return Err(Fault::missing()),
            Reply::Json(text) => text,
            Reply::Events(answer) => response_in(*answer, &initialize.id).await?,
        };
        let answer: Value = serde_json::from_str(&answer).map_err(|e| Fault::body(&e.to_string()))?;
        if answer.get("result").is_none() {
            return Err(Fault::of_runtime(answer.get("error").cloned().unwrap_or_default()));
        }
        self.learn(&answer);
        let initialized = own(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        self.invoke(&initialized, session).await.map(drop)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message of the proxy's own.
fn own(message: &Value) -> Result<Message, Fault> {
    Message::read(&message.to_string()).map_err(|(_, fault)| fault)
}

/// The response among the events of an answer.
async fn response_in(answer: Answer, id: &Value) -> Result<String, Fault> {
    let mut events = Events::new(LARGEST_ANSWER);
    let mut pieces = std::pin::pin!(answer.pieces());
    let is_it = |text: &String| {
        let message: Option<Value> = serde_json::from_str(text).ok();
        message.is_some_and(|m| m.get("id") == Some(id) && m.get("method").is_none())
    };
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Fault::body(&error.to_string()))?;
        if let Some(found) = events.push(&piece)?.into_iter().find(is_it) {
            return Ok(found);
        }
    }
    events.finish().filter(is_it).ok_or_else(Fault::unanswered)
}

/// A JSON-RPC error in the body of an HTTP error: the MCP server's own words.
fn one_of_jsonrpc(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let is_one = value.get("jsonrpc").is_some_and(|v| v == "2.0") && value.get("error").is_some_and(Value::is_object);
    is_one.then(|| value.to_string())
}

/// A text as one segment of a path, or as a query's value.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
