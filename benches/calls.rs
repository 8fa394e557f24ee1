//! What a call costs: beside the same SDK call in a bare axum handler, and over many accounts. See docs/benchmarks.md.
//!
//! `cargo bench` runs all of it, `cargo bench -- call` or `cargo bench -- fan-out` one part. Everything is in this process, on
//! loopback sockets; nothing is asked of AWS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark: what goes wrong ends it, and its output is its purpose"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use aws_ops_mcp::{
    auth::Authenticator,
    aws::{Aws, Base, Resolver, http_client, registry},
    config::{AccountVariables, AwsConfig, HttpConfig, ToolsConfig},
    http::{Cost, Lifecycle, listen, router},
    server::{Catalogue, CatalogueOptions, Server},
};
use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::get,
    serve::ListenerExt as _,
};
use bytes::Bytes;
use clap::{CommandFactory as _, FromArgMatches as _};
use http::{Method, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "be9c4000000000000000123456789abcdef";
/// Sequential calls of each kind that are not counted, and then those that are.
const WARM_UP: usize = 200;
const MEASURED: usize = 2000;
/// The kinds take turns: so many calls of one, then of the next, so that noise meets all of them.
const BATCH: usize = 50;
/// Warm repeats of a fan-out; the table has their median.
const REPEATS: usize = 7;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` only wants to know that it starts.
    if words.iter().any(|w| w == "--test") {
        return;
    }
    let wanted = |part: &str| words.iter().all(|w| w.starts_with('-') || w == part);
    // The server formats its log lines, as it does in production; nobody reads them.
    tracing_subscriber::fmt()
        .json()
        .with_env_filter("error,aws_ops_mcp=info")
        .with_writer(std::io::sink)
        .init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let cores = std::thread::available_parallelism().unwrap();
        println!(
            "\n{cores} cores, {}\n",
            if cfg!(debug_assertions) {
                "DEBUG BUILD"
            } else {
                "release build"
            }
        );
        if wanted("call") {
            one_call().await;
        }
        if wanted("fan-out") {
            for delay in [0, 100] {
                fan_out(Duration::from_millis(delay)).await;
            }
        }
    });
}

/// One tool call through everything, beside what it can't be faster than.
async fn one_call() {
    let stub = Stub::start(Duration::ZERO);
    let begun = Instant::now();
    let world = World::new(&stub, 1).await;
    let bare = bare(&stub).await;
    let client = Client::new();
    let call = tool_call(&json!({ "account": "account-0001" }));
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let started = begun.elapsed();
    let first = world.call(&client, &call).await;
    println!(
        "start to listening {} ms; the first call of the process (trust store, STS, clients) {} ms\n",
        ms(started),
        ms(first.time)
    );
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..(WARM_UP + MEASURED) / BATCH {
        for (kind, times) in times.iter_mut().enumerate() {
            for _ in 0..BATCH {
                let answer = match kind {
                    0 => client.send(Method::GET, bare, "/sdk", "").await,
                    1 => world.call(&client, &call).await,
                    2 => client.send(Method::GET, bare, "/nothing", "").await,
                    _ => world.call(&client, &ping).await,
                };
                if round >= WARM_UP / BATCH {
                    times.push(answer.time);
                }
            }
        }
    }
    println!("| {MEASURED} sequential calls of each | p50 | p99 | p50 as a ratio |\n|---|--:|--:|--:|");
    let base = [percentile(&mut times[0], 50), percentile(&mut times[2], 50)];
    let names = [
        "SDK call in a bare axum handler",
        "the same as a tool call: HTTP, token, MCP, session, receipt, log",
        "bare axum handler that does nothing",
        "MCP `ping`: HTTP, token, MCP",
    ];
    for (kind, name) in names.iter().enumerate() {
        let p50 = percentile(&mut times[kind], 50);
        let p99 = percentile(&mut times[kind], 99);
        let ratio = p50.as_secs_f64() / base[kind / 2].as_secs_f64();
        println!(
            "| {name} | {} µs | {} µs | {ratio:.2} |",
            p50.as_micros(),
            p99.as_micros()
        );
    }
    println!();
}

/// The same tool over more and more accounts.
async fn fan_out(delay: Duration) {
    println!(
        "| accounts, AWS answers after {} ms | cold | AssumeRole | warm | AssumeRole | cold, ratio to one | warm, ratio to one | answer |\n|--:|--:|--:|--:|--:|--:|--:|--:|",
        delay.as_millis()
    );
    let client = Client::new();
    let mut one: Option<[Duration; 2]> = None;
    for accounts in [1, 10, 100, 1000] {
        let stub = Stub::start(delay);
        let world = World::new(&stub, accounts).await;
        // Trust store, registry, first connections: what a process does once.
        world.call(&client, &tool_call(&json!({ "account": "warm-up" }))).await;
        let call = tool_call(&json!({ "accounts": ["environment:bench"] }));
        stub.assumed();
        let cold = world.call(&client, &call).await;
        let assumed_cold = stub.assumed();
        let mut warm: Vec<Duration> = Vec::new();
        for _ in 0..REPEATS {
            warm.push(world.call(&client, &call).await.time);
        }
        let assumed_warm = stub.assumed();
        let summary = &cold.body["result"]["structuredContent"]["summary"];
        assert_eq!(*summary, json!({ "targets": accounts, "ok": accounts, "failed": 0 }));
        let times = [cold.time, percentile(&mut warm, 50)];
        let base = *one.get_or_insert(times);
        let ratio = |i: usize| times[i].as_secs_f64() / base[i].as_secs_f64();
        println!(
            "| {accounts} | {} ms | {assumed_cold} | {} ms | {assumed_warm} | {:.1} | {:.1} | {} KiB |",
            ms(times[0]),
            ms(times[1]),
            ratio(0),
            ratio(1),
            cold.bytes / 1024
        );
    }
    println!();
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

fn tool_call(arguments: &Value) -> String {
    let params = json!({ "name": "list_secrets", "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
}

/// AWS: STS and Secrets Manager, with fixed answers after a fixed time. On a thread of its own.
struct Stub {
    address: SocketAddr,
    counts: Arc<Counts>,
    end: CancellationToken,
}

struct Counts {
    delay: Duration,
    assumed: AtomicUsize,
    requests: AtomicU64,
}

impl Stub {
    fn start(delay: Duration) -> Self {
        let counts = Arc::new(Counts {
            delay,
            assumed: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(aws).with_state(counts.clone());
        let end = CancellationToken::new();
        let ended = end.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = serve(TcpListener::from_std(listener).unwrap(), router) => {}
                    () = ended.cancelled() => {}
                }
            });
        });
        Self { address, counts, end }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many AssumeRole calls there were since this was last asked.
    fn assumed(&self) -> usize {
        self.counts.assumed.swap(0, SeqCst)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn aws(State(counts): State<Arc<Counts>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if !counts.delay.is_zero() {
        tokio::time::sleep(counts.delay).await;
    }
    let id = format!("request-{:08}", counts.requests.fetch_add(1, SeqCst));
    let (kind, text) = match parts.headers.get("x-amz-target").map(|t| t.to_str().unwrap()) {
        Some("secretsmanager.ListSecrets") => ("application/x-amz-json-1.1", secrets()),
        None if body.starts_with(b"Action=AssumeRole&") => {
            counts.assumed.fetch_add(1, SeqCst);
            ("text/xml", ASSUMED.to_owned())
        }
        other => panic!("the stub knows no {other:?}"),
    };
    ([("content-type", kind), ("x-amzn-requestid", id.as_str())], text).into_response()
}

fn secrets() -> String {
    let one = |name: &str| {
        json!({ "Name": name, "ARN": format!("arn:aws:secretsmanager:us-east-1:222222222222:secret:{name}-AbCdEf"),
            "Description": "What the payments service signs with", "LastChangedDate": 1_780_000_000, "RotationEnabled": true,
            "Tags": [{ "Key": "team", "Value": "payments" }] })
    };
    let all = ["payments/db/primary", "payments/api/key", "web/session"].map(one);
    json!({ "SecretList": all }).to_string()
}

const ASSUMED: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/aws-ops-target/s</Arn><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>not-a-real-one</SecretAccessKey>
<SessionToken>not-a-real-one-either</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>request</RequestId></ResponseMetadata></AssumeRoleResponse>"#;

/// The server over many accounts, listening.
struct World {
    address: SocketAddr,
    lifecycle: Lifecycle,
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    http: HttpConfig,
    #[command(flatten)]
    aws: AwsConfig,
    #[command(flatten)]
    tools: ToolsConfig,
}

impl World {
    async fn new(stub: &Stub, accounts: usize) -> Self {
        let one = |n: usize| json!({ "name": format!("account-{n:04}"), "id": format!("{:012}", 200_000_000_000 + n), "environment": "bench" });
        let spare = json!({ "name": "warm-up", "id": "199999999999", "environment": "spare" });
        let registry: Value = std::iter::once(spare).chain((1..=accounts).map(one)).collect();
        // The defaults, but: STS is asked as fast as it answers, and an answer of a thousand accounts comes in one piece.
        let flags = [
            "bench",
            "--stateless",
            "--auth-tokens",
            &format!("bench={TOKEN}"),
            "--endpoint-url",
            &stub.endpoint(),
            "--account-registry",
            &registry.to_string(),
            "--assume-role-rate",
            "off",
            "--caller-rate",
            "off",
            "--max-in-flight-per-caller",
            "off",
            "--max-reads-in-flight",
            "off",
            "--max-result-bytes",
            "16MiB",
        ]
        .map(str::to_owned);
        let command = Settings::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
        let settings = Settings::from_arg_matches(&command.get_matches_from(flags)).unwrap();
        let accounts = registry::load(&settings.aws, &AccountVariables::default()).unwrap();
        let resolver = Resolver::new(Arc::new(accounts), settings.aws.region, false).with_settings(&settings.aws);
        let options = CatalogueOptions {
            profiles: resolver.profiles().clone(),
            tools: settings.tools.clone(),
        };
        let aws = Aws::new(&settings.aws, Base::Fixed(keys())).unwrap();
        let server = Server::new(Catalogue::new(options).unwrap(), resolver, aws, None, None);
        let auth = Authenticator::from_config(&settings.http).unwrap();
        let lifecycle = Lifecycle::new(CancellationToken::new());
        let router = router(&settings.http, auth, move || server.clone(), |_| Cost::Read, &lifecycle).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ends = lifecycle.clone();
        tokio::spawn(async move { listen(listener, router, &settings.http.limits, &ends).await });
        Self { address, lifecycle }
    }

    async fn call(&self, client: &Client, message: &str) -> Answer {
        let answer = client.send(Method::POST, self.address, "/mcp", message).await;
        assert!(answer.body.get("result").is_some(), "{}", answer.body);
        assert_ne!(answer.body["result"]["isError"], json!(true), "{}", answer.body);
        answer
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.lifecycle.draining.cancel();
        self.lifecycle.over.cancel();
    }
}

fn keys() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "not-a-real-one", None, None, "bench")
}

/// What somebody would write who needs this one call and nothing else.
async fn bare(stub: &Stub) -> SocketAddr {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_secretsmanager::config::Region::from_static("us-east-1"))
        .credentials_provider(keys())
        .endpoint_url(stub.endpoint())
        .http_client(http_client::https(None, false).unwrap())
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    let handler = move || {
        let client = client.clone();
        async move {
            let answer = client.list_secrets().max_results(100).send().await.unwrap();
            let one = |s: &aws_sdk_secretsmanager::types::SecretListEntry| json!({ "name": s.name(), "arn": s.arn(), "description": s.description() });
            let secrets: Vec<Value> = answer.secret_list().iter().map(one).collect();
            Json(json!({ "secrets": secrets, "next_token": answer.next_token() }))
        }
    };
    let router = Router::new()
        .route("/sdk", get(handler))
        .route("/nothing", get(|| async { Json(json!({})) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router));
    address
}

async fn serve(listener: TcpListener, router: Router) {
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

struct Answer {
    body: Value,
    bytes: usize,
    /// From sending to the last byte; reading the JSON is not in it.
    time: Duration,
}

impl Client {
    fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn send(&self, method: Method, address: SocketAddr, path: &str, body: &str) -> Answer {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("accept", "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_owned()))
            .unwrap();
        let begun = Instant::now();
        let response = self.0.request(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let time = begun.elapsed();
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        Answer {
            body: serde_json::from_slice(&bytes).unwrap(),
            bytes: bytes.len(),
            time,
        }
    }
}
