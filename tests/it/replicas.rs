//! Several replicas over one Redis: what they share, what nobody but its owner gets, and what happens without it.

mod outage;
mod rates;
mod sessions;
mod streams;
mod tls;

use aws_ops_mcp::{
    auth::Authenticator,
    config::HttpConfig,
    http::{Cost, Lifecycle, router},
};
use axum::{Router, body::Body};
use clap::{CommandFactory as _, FromArgMatches as _};
use http::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::BodyExt as _;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::{
    messages::{initialize, initialized},
    redis::Redis,
    stub::Stub,
    world::{ALICE, BOB, World},
};

/// One of several servers over the same accounts.
struct Replica {
    router: Router,
    lifecycle: Lifecycle,
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    http: HttpConfig,
}

/// Two of them over a Redis, and the AWS that they ask.
async fn two(redis: &Redis, flags: &[&str]) -> (Replica, Replica, Stub) {
    let stub = Stub::new().await;
    let world = World::of_stub(&stub, &[]);
    let replica = || Replica::new(&world, &redis.url(), flags);
    (replica(), replica(), stub)
}

impl Replica {
    fn new(world: &World, state_url: &str, flags: &[&str]) -> Self {
        let tokens = format!("alice={ALICE},bob={BOB}");
        let mut all = vec![
            "it",
            "--auth-tokens",
            &tokens,
            "--sse-ping",
            "off",
            "--state-url",
            state_url,
        ];
        for rate in ["--caller-rate", "--caller-write-rate", "--max-in-flight-per-caller"] {
            if !flags.contains(&rate) {
                all.extend([rate, "off"]);
            }
        }
        all.extend(flags);
        let command = Settings::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
        let http = Settings::from_arg_matches(&command.get_matches_from(all)).unwrap().http;
        let auth = Authenticator::from_config(&http).unwrap();
        let lifecycle = Lifecycle::new(CancellationToken::new());
        let (server, weighed) = (world.server().clone(), world.server().clone());
        let cost_of = move |call: &CallToolRequestParams| match weighed.changes(call) {
            true => Cost::Write,
            false => Cost::Read,
        };
        let router = router(&http, auth, move || server.clone(), cost_of, &lifecycle).unwrap();
        Self { router, lifecycle }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        token: &str,
        session: Option<&str>,
        body: String,
    ) -> Response<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn post(&self, path: &str, token: &str, session: Option<&str>, message: &Value) -> Response<Body> {
        self.request(Method::POST, path, token, session, message.to_string())
            .await
    }

    /// A tool call on /mcp; the status.
    async fn call(&self, token: &str, session: Option<&str>) -> StatusCode {
        self.post("/mcp", token, session, &listing()).await.status()
    }

    async fn get(&self, path: &str, token: &str, session: Option<&str>) -> Response<Body> {
        self.request(Method::GET, path, token, session, String::new()).await
    }

    async fn delete(&self, token: &str, session: &str) -> StatusCode {
        let response = self.request(Method::DELETE, "/mcp", token, Some(session), String::new());
        response.await.status()
    }

    /// Begins a session on /mcp and gives its id.
    async fn session(&self) -> String {
        let response = self.post("/mcp", ALICE, None, &initialize()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let ready = self.post("/mcp", ALICE, Some(&id), &initialized()).await;
        assert_eq!(ready.status(), StatusCode::ACCEPTED);
        id
    }

    /// Opens a stream on /sse; where to post, and the stream.
    async fn stream(&self) -> (String, Body) {
        let response = self.get("/sse", ALICE, None).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        let event = next_event(&mut body).await.unwrap();
        let endpoint = event.lines().find_map(|l| l.strip_prefix("data: ")).unwrap().to_owned();
        (endpoint, body)
    }

    /// Whether it is ready, as a load balancer asks.
    async fn ready(&self) -> StatusCode {
        self.get("/readyz", ALICE, None).await.status()
    }
}

/// A call that asks AWS for something, and is answered.
fn listing() -> Value {
    call("list_secrets", &json!({ "account": "production" }))
}

fn call(tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

/// The next event of a stream; `None` at its end.
async fn next_event(body: &mut Body) -> Option<String> {
    let mut event = String::new();
    while !event.ends_with("\n\n") {
        let frame = body.frame().await?.unwrap();
        event.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    Some(event)
}

/// The message in an event.
fn message_of(event: &str) -> Value {
    let line = event.lines().find_map(|l| l.strip_prefix("data:")).unwrap();
    serde_json::from_str(line.trim()).unwrap()
}

async fn text_of(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Asks until it is so.
async fn until(such: impl AsyncFn() -> bool) {
    let start = std::time::Instant::now();
    while !such().await {
        assert!(start.elapsed().as_secs() < 60, "it never comes to pass");
        tokio::task::yield_now().await;
    }
}
