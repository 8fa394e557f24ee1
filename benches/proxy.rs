//! What `proxy` adds to a signed call: the same `tools/call` sent directly, and through the relay. See docs/benchmarks.md.
//!
//! Everything is in this process, on loopback sockets and a pair of streams; nothing is asked of AWS.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark: what goes wrong ends it, and its output is its purpose"
)]

use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_ops_mcp::{
    aws::http_client,
    upstream::{
        Endpoint, Keys, Patience, Sender,
        proxy::{Dialler, Options, serve},
    },
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

#[expect(dead_code, reason = "the tests turn the other switches")]
#[path = "../examples/upstream/upstream.rs"]
mod upstream;

use upstream::{Caller, Upstream};

/// Sequential calls of each kind that are not counted, and then those that are.
const WARM_UP: usize = 200;
const MEASURED: usize = 2000;
/// The kinds take turns: so many calls of one, then of the other, so that noise meets both.
const BATCH: usize = 50;

#[tokio::main]
async fn main() {
    let upstream = Upstream::start(upstream::Options::default()).await.unwrap();
    let endpoint = Endpoint::parse(&upstream.url()).unwrap();
    let caller = Caller::of("111111111111");
    let keys = Keys::fixed(Credentials::new(caller.access_key, caller.secret, None, None, "bench"));
    let http = http_client::connector(None, false, None).unwrap();
    let names = ("aws-mcp", "us-east-1");
    let sender = Sender::new(http, endpoint.clone(), names, keys.clone(), Patience { read: None });

    let session = begin(&sender).await;
    let dialler = Dialler {
        endpoint,
        sender: sender.clone(),
        keys: Box::new(move |_| Ok(keys.clone())),
        region: Box::new(|_| Box::pin(std::future::ready(Ok(Some("us-east-1".to_owned()))))),
        environment_region: None,
        metadata: serde_json::Map::new(),
        headers: HeaderMap::new(),
        telemetry: true,
    };
    let (near, far) = tokio::io::duplex(1 << 20);
    let (read, write) = tokio::io::split(far);
    tokio::spawn(serve(Options::default(), dialler, read, write, std::future::pending()));
    let (read, mut write) = tokio::io::split(near);
    let mut lines = BufReader::new(read).lines();
    write.write_all(format!("{}\n", initialize()).as_bytes()).await.unwrap();
    lines.next_line().await.unwrap().unwrap();

    let (mut direct, mut relayed) = (Vec::new(), Vec::new());
    for batch in 0..(WARM_UP + MEASURED) / BATCH {
        let counts = batch >= WARM_UP / BATCH;
        for id in 0..BATCH {
            let begun = Instant::now();
            let answer = post(&sender, &call(id), Some(&session)).await.1;
            assert!(answer.contains("eu-west-1"));
            if counts {
                direct.push(begun.elapsed());
            }
        }
        for id in 0..BATCH {
            let begun = Instant::now();
            write.write_all(format!("{}\n", call(id)).as_bytes()).await.unwrap();
            let answer = lines.next_line().await.unwrap().unwrap();
            assert!(answer.contains("eu-west-1"));
            if counts {
                relayed.push(begun.elapsed());
            }
        }
        // What is recorded would grow, and with it the time of each call.
        upstream.clear();
    }
    println!("| {MEASURED} sequential calls of each | p50 | p95 |\n|---|--:|--:|");
    print("signed `tools/call`, sent directly", &mut direct);
    print("the same through `proxy`", &mut relayed);
}

fn print(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).unwrap().as_micros();
    println!("| {name} | {} µs | {} µs |", at(50), at(95));
}

fn initialize() -> Value {
    let client = json!({ "name": "bench", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

fn call(id: usize) -> Value {
    let params = json!({ "name": "aws___list_regions", "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// A session at the endpoint; its id.
async fn begin(sender: &Sender) -> String {
    let session = post(sender, &initialize(), None).await.0.unwrap();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    post(sender, &initialized, Some(&session)).await;
    session
}

async fn post(sender: &Sender, message: &Value, session: Option<&str>) -> (Option<String>, String) {
    let mut request = Request::new(Bytes::from(message.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = sender.endpoint().url().parse().unwrap();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(header::ACCEPT, "application/json, text/event-stream".parse().unwrap());
    if let Some(session) = session {
        headers.insert("mcp-session-id", session.parse().unwrap());
        headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
    }
    let answer = sender.send(request).await.unwrap();
    let session = answer.header("mcp-session-id").map(str::to_owned);
    let body = answer.bytes().await.unwrap();
    (session, String::from_utf8_lossy(&body).into_owned())
}
