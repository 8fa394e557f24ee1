//! A small handler behind the real router, and short ways to talk to it.

use std::sync::Arc;

use axum::{Router, body::Body};
use clap::Parser as _;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ProgressNotificationParam,
        ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::super::{Cost, Lifecycle, router};
use crate::{
    auth::{Authenticator, Caller, RequestId},
    config::{http::HttpConfig, value::Secret},
};

pub(super) const ALICE: &str = "a11ce000000000000000123456789abcdef";
pub(super) const BOB: &str = "b0b00000000000000000123456789abcdef";

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    http: HttpConfig,
}

/// Defaults, with `alice` and `bob`, changed by flags. Without a rate, which only tests of the rate wait for.
pub(in crate::http) fn config(flags: &[&str]) -> HttpConfig {
    let lifted = ["--caller-rate", "--caller-write-rate"]
        .into_iter()
        .filter(|rate| !flags.contains(rate));
    let lifted: Vec<&str> = lifted.flat_map(|rate| [rate, "off"]).collect();
    let mut config = bare_config(&[flags, &lifted].concat());
    config.auth_tokens = Some(Secret::new(format!("alice={ALICE},bob={BOB}")));
    config
}

/// What these flags and nothing else make of it.
pub(in crate::http) fn bare_config(flags: &[&str]) -> HttpConfig {
    Cli::parse_from(std::iter::once(&"test").chain(flags)).http
}

/// `whoami` tells what the request's parts hold; `wait` and `set_slowly` say that they have begun and wait to be let on; `set` is done; `progress` tells
/// something before its result; `panic` panics.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) begun: Arc<Semaphore>,
    pub(super) go_on: Arc<Notify>,
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let text = match request.name.as_ref() {
            "whoami" => {
                let caller = parts
                    .and_then(|p| p.extensions.get::<Caller>())
                    .map(ToString::to_string);
                let id = parts
                    .and_then(|p| p.extensions.get::<RequestId>())
                    .map(ToString::to_string);
                let token = parts.is_some_and(|p| p.headers.contains_key(header::AUTHORIZATION));
                json!({"caller": caller, "request_id": id, "token_visible": token}).to_string()
            }
            "wait" | "set_slowly" => {
                self.begun.add_permits(1);
                self.go_on.notified().await;
                "waited".to_owned()
            }
            "progress" => {
                if let Some(token) = context.meta.get_progress_token() {
                    let _ = context
                        .peer
                        .notify_progress(ProgressNotificationParam::new(token, 1.0))
                        .await;
                }
                "progressed".to_owned()
            }
            "set" => "set".to_owned(),
            _ => panic!("a secret detail"),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// What is called a change here: tools whose names begin with `set`.
pub(super) fn cost_of(call: &CallToolRequestParams) -> Cost {
    if call.name.starts_with("set") {
        Cost::Write
    } else {
        Cost::Read
    }
}

/// The router with its fixture.
pub(super) struct App {
    pub(super) router: Router,
    pub(super) fixture: Fixture,
    pub(super) lifecycle: Lifecycle,
}

pub(super) fn app(flags: &[&str]) -> App {
    let fixture = fixture();
    let handler = fixture.clone();
    made(flags, fixture, move || handler.clone())
}

/// One whose handlers can't even be made.
pub(super) fn panicking_app() -> App {
    made(&[], fixture(), || panic!("a secret detail"))
}

/// One with other callers.
pub(super) fn crowd_app(tokens: &str) -> App {
    with_tokens(&[], tokens)
}

pub(super) fn with_tokens(flags: &[&str], tokens: &str) -> App {
    let fixture = fixture();
    let handler = fixture.clone();
    let mut config = config(flags);
    config.auth_tokens = Some(Secret::new(tokens));
    built(&config, fixture, move || handler.clone())
}

fn made(flags: &[&str], fixture: Fixture, factory: impl Fn() -> Fixture + Send + Sync + 'static) -> App {
    built(&config(flags), fixture, factory)
}

fn built(config: &HttpConfig, fixture: Fixture, factory: impl Fn() -> Fixture + Send + Sync + 'static) -> App {
    let lifecycle = Lifecycle::new(CancellationToken::new());
    let auth = Authenticator::from_config(config).unwrap();
    let router = router(config, auth, factory, cost_of, &lifecycle).unwrap();
    App {
        router,
        fixture,
        lifecycle,
    }
}

pub(super) fn fixture() -> Fixture {
    Fixture {
        begun: Arc::new(Semaphore::new(0)),
        go_on: Arc::new(Notify::new()),
    }
}

impl App {
    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Opens a session on /mcp and gives its id.
    pub(super) async fn initialize(&self, token: &str) -> String {
        let response = self.send(post(token, None, &initialize())).await;
        assert_eq!(response.status(), StatusCode::OK);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let ready = self.send(post(token, Some(&id), &initialized())).await;
        assert_eq!(ready.status(), StatusCode::ACCEPTED);
        id
    }

    /// Calls a tool in a session.
    pub(super) async fn call(&self, token: &str, session: Option<&str>, tool: &str) -> Response<Body> {
        self.send(post(token, session, &call(tool))).await
    }
}

pub(super) fn initialize() -> Value {
    let client = json!({"name": "test", "version": "0"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

pub(super) fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

pub(super) fn call(tool: &str) -> Value {
    let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": "p"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// A request as a well-behaved client makes it.
pub(super) fn request(method: Method, uri: &str, token: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(uri)
        .header(header::HOST, "localhost:8000")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header(header::CONTENT_TYPE, "application/json")
}

pub(super) fn post(token: &str, session: Option<&str>, message: &Value) -> Request<Body> {
    let mut builder = request(Method::POST, "/mcp", token);
    if let Some(id) = session {
        builder = builder.header("mcp-session-id", id);
    }
    builder.body(Body::from(message.to_string())).unwrap()
}

pub(super) async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub(super) async fn json_of(response: Response<Body>) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_str(&text(response).await).unwrap()
}

/// The next event of an SSE body, as its lines; comments and the end give what they are.
pub(super) async fn next_event(body: &mut Body) -> Option<String> {
    let mut event = String::new();
    while !event.ends_with("\n\n") {
        let frame = body.frame().await?.unwrap();
        event.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    Some(event)
}

/// The JSON after `data: `.
pub(super) fn data_of(event: &str) -> Value {
    let line = event.lines().find_map(|l| l.strip_prefix("data:")).unwrap();
    serde_json::from_str(line.trim()).unwrap()
}

impl App {
    /// Opens a stream on /sse; gives the endpoint to post to and the stream.
    pub(super) async fn open_sse(&self, token: &str) -> (String, Body) {
        let response = self
            .send(request(Method::GET, "/sse", token).body(Body::empty()).unwrap())
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        let event = next_event(&mut body).await.unwrap();
        assert!(event.contains("event: endpoint"), "{event}");
        let endpoint = event.lines().find_map(|l| l.strip_prefix("data: ")).unwrap().to_owned();
        (endpoint, body)
    }

    pub(super) async fn post_to(&self, endpoint: &str, token: &str, message: &Value) -> Response<Body> {
        let builder = request(Method::POST, endpoint, token);
        self.send(builder.body(Body::from(message.to_string())).unwrap()).await
    }

    /// An initialized session on /sse.
    pub(super) async fn initialize_sse(&self, token: &str) -> (String, Body) {
        let (endpoint, mut body) = self.open_sse(token).await;
        assert_eq!(
            self.post_to(&endpoint, token, &initialize()).await.status(),
            StatusCode::ACCEPTED
        );
        assert_eq!(
            data_of(&next_event(&mut body).await.unwrap())["result"]["protocolVersion"],
            "2025-06-18"
        );
        assert_eq!(
            self.post_to(&endpoint, token, &initialized()).await.status(),
            StatusCode::ACCEPTED
        );
        (endpoint, body)
    }

    /// Waits until a `wait` call has begun.
    pub(super) async fn begun(&self) {
        self.fixture.begun.acquire().await.unwrap().forget();
    }
}

/// The text of a tool's result.
pub(super) fn result_text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap()
}
