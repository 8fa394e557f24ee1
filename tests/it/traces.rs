//! Spans, from outside: a collector gets the tree of a call, the log the ids, and nobody a secret.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use aws_ops_mcp::sandbox::Sandbox;

use crate::support::{
    client::Client,
    collector::{Collector, attributes, failed, hex},
    process::{Running, program, sandbox_server},
    upstream::{Options, Upstream, signers_of},
    world::registered,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const META_PARENT: &str = "b7ad6b7169203331";
const CANARY: &str = "cAnArY9b2c7d";

fn traceparent(span: &str, flags: &str) -> String {
    format!("00-{TRACE}-{span}-{flags}")
}

/// Calls a tool with these headers and this `_meta`; the whole answer.
async fn call(client: &Client, traceparent: Option<&str>, params: Value) -> Value {
    let bearer = format!("Bearer {}", client.token());
    let mut headers: Vec<(&str, &[u8])> = vec![
        ("authorization", bearer.as_bytes()),
        ("accept", b"application/json, text/event-stream"),
        ("content-type", b"application/json"),
    ];
    headers.extend(traceparent.map(|value| ("traceparent", value.as_bytes())));
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let answer = client.send(Method::POST, "/mcp", &headers, &message.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK);
    serde_json::from_slice(&answer.bytes).unwrap()
}

fn listing(arguments: Value) -> Value {
    json!({ "name": "list_secrets", "arguments": arguments })
}

/// Ends it, which sends what is left; the log.
fn ended(running: Running) -> Vec<Value> {
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_tree_from_the_clients_span_to_awss_answers_and_the_log_has_its_ids() {
    let collector = Collector::start().await;
    let endpoint = ["--otel-exporter-otlp-endpoint", &collector.endpoint];
    let more = [
        "--otel-exporter-otlp-headers",
        "x-key=a%20b",
        "--otel-resource-attributes",
        "team=sre",
    ];
    let (running, client) = sandbox_server(&[&endpoint[..], &more].concat());
    let sent = traceparent(PARENT, "01");
    let answer = call(&client, Some(&sent), listing(json!({ "account": "production" }))).await;
    assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    let log = ended(running);

    let spans = collector.spans();
    let request = spans.one("POST /mcp");
    assert_eq!(
        (hex(&request.trace_id).as_str(), hex(&request.parent_span_id).as_str()),
        (TRACE, PARENT)
    );
    assert_eq!(attributes(request)["http.response.status_code"], "200");
    let [tool] = spans.below(request)[..] else {
        panic!("{:?}", spans.0)
    };
    assert_eq!(tool.name, "tools/call list_secrets");
    let said = attributes(tool);
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "list_secrets"),
        ("aws_ops.access", "read"),
        ("jsonrpc.request.id", "7"),
    ] {
        assert_eq!(said[key], value, "{said:?}");
    }
    let [target] = spans.below(tool)[..] else {
        panic!("{:?}", spans.0)
    };
    let said = attributes(target);
    assert_eq!(
        (target.name.as_str(), said["aws_ops.account"].as_str()),
        ("target", "production")
    );
    assert_eq!(said["cloud.account.id"], "222222222222");
    let names: Vec<&str> = spans.below(target).iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["secretsmanager.ListSecrets", "sts.AssumeRole"]);
    let aws = attributes(spans.one("secretsmanager.ListSecrets"));
    assert_eq!(
        (aws["rpc.method"].as_str(), aws["http.response.status_code"].as_str()),
        ("ListSecrets", "200")
    );
    assert!(!aws["aws.request_id"].is_empty());
    assert_eq!(spans.0.len(), 5, "and nothing else");
    assert!(
        spans
            .0
            .iter()
            .all(|s| !failed(s) && s.end_time_unix_nano >= s.start_time_unix_nano)
    );

    assert!(
        collector
            .headers("x-key")
            .iter()
            .all(|seen| *seen == ("/v1/traces".to_owned(), "a b".to_owned()))
    );
    let resource = collector.resource();
    assert_eq!(
        (resource["service.name"].as_str(), resource["team"].as_str()),
        ("aws-ops-mcp", "sre")
    );

    let line = |message: &str| log.iter().find(|l| l["message"] == json!(message)).unwrap();
    for (message, span) in [("tool call", tool), ("answered", request)] {
        let ids = &line(message)["span"];
        assert_eq!(ids["trace_id"], json!(TRACE), "{ids}");
        assert_eq!(ids["span_id"], json!(hex(&span.span_id)), "{ids}");
    }
    assert!(
        line("answered")["span"]["caller"].is_string(),
        "what it had before is still there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_of_meta_comes_before_the_headers_and_a_span_of_several_targets_has_one_for_each() {
    let collector = Collector::start().await;
    let (running, client) = sandbox_server(&["--otel-exporter-otlp-endpoint", &collector.endpoint]);
    let mut params = listing(json!({ "accounts": ["all"] }));
    params["_meta"] = json!({ "traceparent": traceparent(META_PARENT, "01") });
    call(&client, Some(&traceparent(PARENT, "01")), params).await;
    let failing = json!({ "account": "staging", "secret_id": "no/such/secret" });
    call(
        &client,
        None,
        json!({ "name": "get_secret_value", "arguments": failing }),
    )
    .await;
    let unsampled = traceparent(PARENT, "00");
    call(
        &client,
        Some(&unsampled),
        json!({ "name": "list_accounts", "arguments": {} }),
    )
    .await;
    ended(running);

    let spans = collector.spans();
    let tool = spans.one("tools/call list_secrets");
    assert_eq!(hex(&tool.parent_span_id), META_PARENT);
    let requests = spans.named("POST /mcp");
    let request = requests.iter().find(|s| hex(&s.parent_span_id) == PARENT).unwrap();
    assert_eq!(
        tool.links.iter().map(|l| &l.span_id).collect::<Vec<_>>(),
        [&request.span_id]
    );
    let mut accounts: Vec<String> = Vec::new();
    for target in spans.below(tool) {
        let said = attributes(target);
        accounts.push(said["aws_ops.account"].clone());
        assert_eq!(said["aws_ops.environment"], said["aws_ops.account"]);
        let below = spans.below(target);
        assert!(
            below.iter().any(|s| s.name == "secretsmanager.ListSecrets"),
            "{below:?}"
        );
    }
    accounts.sort();
    assert_eq!(accounts, ["development", "production", "staging"]);

    let wrong = spans.one("tools/call get_secret_value");
    assert!(
        failed(wrong) && attributes(wrong)["error.type"] == "not_found",
        "{wrong:?}"
    );
    let [target] = spans.below(wrong)[..] else {
        panic!("{:?}", spans.0)
    };
    assert!(failed(target) && failed(spans.one("secretsmanager.GetSecretValue")));
    let root = requests.iter().find(|s| s.span_id == wrong.parent_span_id).unwrap();
    assert!(
        root.parent_span_id.is_empty() && root.trace_id != request.trace_id,
        "a trace of its own"
    );
    assert!(
        spans.named("tools/call list_accounts").is_empty(),
        "the client wanted it unsampled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_span_holds_what_was_sent_or_read() {
    let collector = Collector::start().await;
    let (running, client) = sandbox_server(&["--otel-exporter-otlp-endpoint", &collector.endpoint]);
    let parent = traceparent(PARENT, "01");
    let name = format!("{CANARY}/name");
    for (tool, arguments) in [
        (
            "create_secret",
            json!({ "account": "development", "name": name, "secret_string": CANARY }),
        ),
        (
            "get_secret_value",
            json!({ "account": "development", "secret_id": name }),
        ),
        (
            "get_secret_value",
            json!({ "account": "production", "secret_id": "payments/db/primary" }),
        ),
        (
            "put_object",
            json!({ "account": "development", "bucket": "acme-dev-config-444444444444", "key": CANARY, "body": CANARY }),
        ),
        (
            "get_object",
            json!({ "account": "development", "bucket": "acme-dev-config-444444444444", "key": CANARY }),
        ),
        ("list_secrets", json!({ "account": CANARY })),
        ("list_secrets", json!({ "account": "production", CANARY: CANARY })),
        (CANARY, json!({})),
    ] {
        let mut params = json!({ "name": tool, "arguments": arguments });
        params["_meta"] = json!({ "traceparent": CANARY, "baggage": format!("a={CANARY}") });
        call(&client, Some(&parent), params).await;
    }
    for path in [format!("/{CANARY}"), format!("/mcp?{CANARY}")] {
        client
            .send(Method::GET, &path, &[("authorization", CANARY.as_bytes())], "")
            .await;
    }
    let token = client.token().to_owned();
    ended(running);
    let spans = collector.spans();
    for name in ["s3.PutObject", "s3.GetObject", "secretsmanager.CreateSecret"] {
        assert!(
            !spans.named(name).is_empty(),
            "{name}: {:?}",
            spans.0.iter().map(|s| &s.name).collect::<Vec<_>>()
        );
    }
    let text = collector.text();
    for secret in [
        CANARY,
        &token,
        "sandbox-production-",
        "payments/db",
        "acme-dev-config",
        "AKIA",
        "ASIA",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_call_takes_its_context_along() {
    let collector = Collector::start().await;
    let sandbox = Sandbox::new().await.unwrap();
    let upstream = Upstream::start(Options {
        lookup: Some(signers_of(&sandbox)),
        ..Options::default()
    });
    let upstream = upstream.await.unwrap();
    let listening = sandbox.listen().await.unwrap();
    let (keys, token) = (sandbox.base_credentials(), "a11ce000000000000000123456789abcdef");
    let mut running = program(&["serve", "--port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKEN", token)
        .env("AWS_ENDPOINT_URL", &listening.endpoint)
        .env("AWS_MCP_ENDPOINT", &upstream.url())
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_SESSION_TOKEN", keys.session_token().unwrap())
        .env("ACCOUNT_REGISTRY", &registered().to_string())
        .env(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            &format!("{}/elsewhere", collector.endpoint),
        )
        .env("OTEL_SERVICE_NAME", "ops")
        .start();
    let line: Value = serde_json::from_str(&running.err_line("listening on /mcp")).unwrap();
    let client = Client::new(line["address"].as_str().unwrap(), token);
    let arguments = json!({ "account": "production", "region": "eu-west-1", "code": "1 + 1" });
    let params = json!({ "name": "aws___run_script", "arguments": arguments });
    let answer = call(&client, Some(&traceparent(PARENT, "01")), params).await;
    assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    ended(running);

    let spans = collector.spans();
    let all = spans.named("tools/call aws___run_script");
    let ours = all
        .iter()
        .find(|s| attributes(s).contains_key("aws_ops.access"))
        .unwrap();
    let [target] = spans.below(ours)[..] else {
        panic!("{:?}", spans.0)
    };
    let below = spans.below(target);
    let theirs = below.iter().find(|s| s.name.starts_with("tools/call ")).unwrap();
    assert_eq!(attributes(theirs)["server.address"], "127.0.0.1");
    let expected = format!("00-{TRACE}-{}-01", hex(&theirs.span_id));
    let requests = upstream.requests();
    let called = requests.iter().find(|r| r.rpc_method() == "tools/call").unwrap();
    assert_eq!(called.header("traceparent"), Some(expected.as_str()));
    assert_eq!(called.message()["params"]["_meta"]["traceparent"], json!(expected));
    assert!(called.account.is_some(), "the signature holds");
    let signed = called.header("authorization").unwrap();
    assert!(!signed.contains("traceparent"), "a proxy may set it anew: {signed}");
    assert_eq!(collector.resource()["service.name"], "ops");
    assert!(
        collector
            .headers("content-type")
            .iter()
            .all(|(path, _)| path == "/elsewhere")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_one_warning() {
    // Somebody held this port a moment ago and no longer does.
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let (mut running, client) = sandbox_server(&["--otel-exporter-otlp-endpoint", &endpoint]);
    for _ in 0..3 {
        let answer = call(&client, None, listing(json!({ "account": "production" }))).await;
        assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    }
    running.err_line("traces can't be exported");
    let log = ended(running);
    let warnings: Vec<_> = log.iter().filter(|l| l["level"] == json!("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_or_with_a_protocol_that_is_not_spoken_nothing_is_exported() {
    let (running, client) = sandbox_server(&["--otel-exporter-otlp-protocol", "grpc"]);
    call(
        &client,
        Some(&traceparent(PARENT, "01")),
        listing(json!({ "account": "production" })),
    )
    .await;
    let log = ended(running);
    assert!(!format!("{log:?}").contains("trace_id"), "{log:?}");

    let ended = program(&["serve", "--sandbox", "--port", "0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .run();
    assert_ne!(ended.code, Some(0));
    assert!(
        ended.err.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && ended.err.contains("http/protobuf"),
        "{}",
        ended.err
    );
}
