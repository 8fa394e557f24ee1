//! `/metrics`, from outside: what a scrape shows after calls of each kind, and what it never shows.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    client::Client,
    messages::initialize,
    process::{Running, program, sandbox_server},
    stub::{Behaviour, Stub},
    world::registered,
};

/// In whatever a client may send.
const CANARY: &str = "cAnArY5d1e";
/// Registry entries and callers, which no sample names either.
const NEVER: [&str; 6] = [
    CANARY,
    "222222222222",
    "333333333333",
    "444444444444",
    "aws-ops-target",
    "default",
];

struct Scraped(String);

impl Scraped {
    /// The value of a sample; `None` if there is none.
    fn get(&self, sample: &str) -> Option<f64> {
        let line = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    fn check(&self, expected: &[(&str, f64)]) {
        for (sample, value) in expected {
            assert_eq!(self.get(sample), Some(*value), "{sample} in:\n{}", self.0);
        }
    }

    /// The samples of one name, all labels together.
    fn sum(&self, name: &str) -> f64 {
        let of = |line: &str| {
            line.strip_prefix(name)?
                .strip_prefix('{')?
                .rsplit(' ')
                .next()?
                .parse::<f64>()
                .ok()
        };
        self.0.lines().filter_map(of).sum()
    }
}

/// Where the program says that it answers scrapes.
fn metrics_of(running: &mut Running) -> Client {
    let line: Value = serde_json::from_str(&running.err_line("listening on /metrics")).unwrap();
    Client::new(line["address"].as_str().unwrap(), "")
}

async fn scrape(metrics: &Client) -> Scraped {
    let answer = metrics.send(Method::GET, "/metrics", &[], "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    for never in NEVER {
        assert!(!text.contains(never), "{never} in:\n{text}");
    }
    Scraped(text)
}

fn tool(tool: &str, access: &str, environment: &str, outcome: &str) -> String {
    format!(
        r#"aws_ops_tool_calls_total{{access="{access}",environment="{environment}",outcome="{outcome}",tool="{tool}"}}"#
    )
}

#[tokio::test]
async fn a_scrape_counts_calls_of_each_kind_and_shows_nothing_that_was_sent() {
    let (mut running, client) = sandbox_server(&["--metrics-port", "0"]);
    let metrics = metrics_of(&mut running);
    let begin = scrape(&metrics).await;
    assert_eq!(begin.sum("aws_ops_tool_calls_total"), 0.0);
    assert!(begin.get("process_start_time_seconds").is_some_and(|t| t > 1e9));
    begin.check(&[
        (
            &format!("aws_ops_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")),
            1.0,
        ),
        ("aws_ops_requests_in_flight", 0.0),
        (r#"aws_ops_credential_cache_total{result="hit"}"#, 0.0),
    ]);

    for (name, arguments, code) in [
        ("list_secrets", json!({ "account": "production" }), "ok"),
        (
            "get_secret_value",
            json!({ "account": "production", "secret_id": "payments/db/primary" }),
            "ok",
        ),
        (
            "get_secret_value",
            json!({ "account": "production", "secret_id": CANARY }),
            "not_found",
        ),
        (
            "create_secret",
            json!({ "account": "development", "name": CANARY, "secret_string": CANARY }),
            "ok",
        ),
        (
            "delete_secret",
            json!({ "account": "development", "secret_id": CANARY }),
            "ok",
        ),
        ("list_secrets", json!({ "account": CANARY }), "unknown_account"),
        (
            "list_secrets",
            json!({ "account": "staging", CANARY: 1 }),
            "invalid_input",
        ),
        ("list_secrets", json!({ "accounts": ["all"] }), "ok"),
        ("list_accounts", json!({}), "ok"),
    ] {
        let body = client.call(name, arguments).await;
        let got = body["error"]["code"].as_str().unwrap_or("ok");
        assert_eq!(got, code, "{name}: {body}");
    }
    let unknown = client.rpc("tools/call", json!({ "name": CANARY })).await;
    assert!(unknown["error"].is_object(), "{unknown}");

    let after = scrape(&metrics).await;
    after.check(&[
        (&tool("list_secrets", "read", "production", "ok"), 1.0),
        (&tool("get_secret_value", "reveal", "production", "ok"), 1.0),
        (&tool("get_secret_value", "reveal", "production", "not_found"), 1.0),
        (&tool("create_secret", "write", "development", "ok"), 1.0),
        (&tool("delete_secret", "destroy", "development", "ok"), 1.0),
        (&tool("list_secrets", "read", "none", "unknown_account"), 1.0),
        (&tool("list_secrets", "read", "none", "invalid_input"), 1.0),
        (&tool("list_secrets", "read", "several", "ok"), 1.0),
        (&tool("list_accounts", "read", "none", "ok"), 1.0),
        (
            r#"aws_ops_tool_call_duration_seconds_count{access="read",tool="list_secrets"}"#,
            4.0,
        ),
        (r#"aws_ops_targets_total{environment="production",outcome="ok"}"#, 1.0),
        (r#"aws_ops_targets_total{environment="staging",outcome="ok"}"#, 1.0),
        (r#"aws_ops_targets_total{environment="development",outcome="ok"}"#, 1.0),
        (
            r#"aws_ops_aws_calls_total{outcome="not_found",service="secretsmanager"}"#,
            1.0,
        ),
        // The listing, the value, the new secret, its end, and the four that the call over all accounts takes.
        (r#"aws_ops_aws_calls_total{outcome="ok",service="secretsmanager"}"#, 8.0),
        // Two reading sessions of production, a new one for each change, two more accounts; GetCallerIdentity before the first change.
        (r#"aws_ops_assume_role_total{outcome="ok"}"#, 6.0),
        (r#"aws_ops_aws_calls_total{outcome="ok",service="sts"}"#, 7.0),
        // The four sessions that are kept.
        (r#"aws_ops_credential_cache_total{result="miss"}"#, 4.0),
        (r#"aws_ops_aws_throttles_total{service="secretsmanager"}"#, 0.0),
        (r#"aws_ops_requests_rejected_total{cause="unknown_tool"}"#, 1.0),
        (r#"aws_ops_assume_role_total{outcome="credentials"}"#, 0.0),
        ("aws_ops_requests_in_flight", 0.0),
    ]);
    assert_eq!(after.sum("aws_ops_tool_calls_total"), 9.0);
    running.terminate();
    assert_eq!(running.end().code, Some(0));
}

#[tokio::test]
async fn what_is_turned_away_and_who_has_a_session_is_counted() {
    let (mut running, client) =
        sandbox_server(&["--metrics-port", "0", "--max-sessions", "1", "--max-body-bytes", "2000"]);
    let metrics = metrics_of(&mut running);
    let bearer = format!("Bearer {}", client.token());
    let post = async |token: &str, more: (&str, &str), body: &str| {
        let headers: [(&str, &[u8]); 4] = [
            ("authorization", token.as_bytes()),
            ("accept", b"application/json, text/event-stream"),
            ("content-type", b"application/json"),
            (more.0, more.1.as_bytes()),
        ];
        client.send(Method::POST, "/mcp", &headers, body).await.status.as_u16()
    };
    let (plain, first) = (("x-canary", CANARY), initialize().to_string());
    assert_eq!(post(&format!("Bearer {CANARY}"), plain, "{}").await, 401);
    assert_eq!(
        client.send(Method::POST, "/mcp", &[], "{}").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(post(&bearer, ("host", &format!("{CANARY}.example")), "{}").await, 403);
    assert_eq!(
        post(&bearer, ("origin", &format!("https://{CANARY}.example")), "{}").await,
        403
    );
    assert_eq!(post(&bearer, plain, &CANARY.repeat(1000)).await, 413);
    assert_eq!(post(&bearer, plain, CANARY).await, 400);
    assert_eq!(
        post(
            &bearer,
            ("mcp-session-id", CANARY),
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        )
        .await,
        404
    );
    assert_eq!(post(&bearer, plain, &first).await, 200);
    assert_eq!(post(&bearer, plain, &first).await, 503);
    let scraped = scrape(&metrics).await;
    for (cause, count) in [
        ("token", 1.0),
        ("no_token", 1.0),
        ("host", 1.0),
        ("origin", 1.0),
        ("body_too_large", 1.0),
        ("body_invalid", 1.0),
        ("unknown_session", 1.0),
        ("sessions", 1.0),
        ("caller_sessions", 0.0),
        ("shutting_down", 0.0),
    ] {
        scraped.check(&[(&format!(r#"aws_ops_requests_rejected_total{{cause="{cause}"}}"#), count)]);
    }
    scraped.check(&[
        (r#"aws_ops_sessions{transport="streamable_http"}"#, 1.0),
        (r#"aws_ops_sessions{transport="sse"}"#, 0.0),
    ]);
}

#[tokio::test]
async fn throttled_attempts_and_refused_roles_are_counted_although_the_sdk_hides_the_first() {
    let stub = Stub::new().await;
    stub.set("222222222222", Behaviour::Throttles);
    stub.set("333333333333", Behaviour::Refuses);
    stub.set("444444444444", Behaviour::Breaks);
    let token = "a11ce000000000000000123456789abcdef";
    let mut running = program(&["serve", "--port", "0", "--metrics-port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKEN", token)
        .env("AWS_ENDPOINT_URL", &stub.endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-real-one")
        .env("AWS_MAX_ATTEMPTS", "2")
        .env("ACCOUNT_REGISTRY", &registered().to_string())
        .start();
    let metrics = metrics_of(&mut running);
    let line: Value = serde_json::from_str(&running.err_line("listening on /mcp")).unwrap();
    let client = Client::new(line["address"].as_str().unwrap(), token);
    for (account, code) in [
        ("production", "throttled"),
        ("staging", "credentials"),
        ("development", "unreachable"),
    ] {
        let body = client.call("list_secrets", json!({ "account": account })).await;
        assert_eq!(body["error"]["code"], json!(code), "{body}");
    }
    scrape(&metrics).await.check(&[
        (&tool("list_secrets", "read", "production", "throttled"), 1.0),
        (&tool("list_secrets", "read", "staging", "credentials"), 1.0),
        (&tool("list_secrets", "read", "development", "unreachable"), 1.0),
        (
            r#"aws_ops_aws_calls_total{outcome="throttled",service="secretsmanager"}"#,
            2.0,
        ),
        (r#"aws_ops_aws_throttles_total{service="secretsmanager"}"#, 2.0),
        (
            r#"aws_ops_aws_calls_total{outcome="unreachable",service="secretsmanager"}"#,
            2.0,
        ),
        (r#"aws_ops_aws_calls_total{outcome="access_denied",service="sts"}"#, 1.0),
        (r#"aws_ops_assume_role_total{outcome="credentials"}"#, 1.0),
        (r#"aws_ops_assume_role_total{outcome="ok"}"#, 2.0),
    ]);
}

#[tokio::test]
async fn the_port_answers_get_and_head_of_one_path_and_is_shut_unless_asked_for() {
    let (mut running, client) = sandbox_server(&["--metrics-port", "0", "--metrics-host", "127.0.0.1"]);
    let metrics = metrics_of(&mut running);
    let head = metrics.send(Method::HEAD, "/metrics", &[], "").await;
    assert_eq!((head.status, head.bytes.len()), (StatusCode::OK, 0));
    for (method, path, status) in [
        (Method::POST, "/metrics", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/mcp", StatusCode::NOT_FOUND),
        (Method::GET, "/", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(metrics.send(method, path, &[], "").await.status, status, "{path}");
    }
    // The port of the clients has no such path, with a token or without.
    let bearer = format!("Bearer {}", client.token());
    let asked = client
        .send(Method::GET, "/metrics", &[("authorization", bearer.as_bytes())], "")
        .await;
    assert_eq!(asked.status, StatusCode::NOT_FOUND);
    assert_eq!(
        client.send(Method::GET, "/metrics", &[], "").await.status,
        StatusCode::UNAUTHORIZED
    );

    let (running, _) = sandbox_server(&[]);
    running.terminate();
    let ended = running.end();
    assert!(!ended.err.contains("/metrics"), "{}", ended.err);
}
