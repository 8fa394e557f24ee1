//! `serve`: what it prints, whom it lets in, and how it ends.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_smithy_types::{DateTime, date_time::Format};
use axum::Router;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::sync::{Notify, mpsc};

use crate::support::{
    client::Client,
    process::{program, sandbox_server},
    text,
};

#[tokio::test]
async fn the_sandbox_prints_its_token_and_lines_for_clients_that_work() {
    let mut running = program(&["serve", "--sandbox", "--port", "0"]).start();
    let url = running.out_line("Streamable HTTP");
    let url = url.split_whitespace().last().unwrap();
    let sse = running.out_line("HTTP+SSE");
    let token = running.out_line("Token");
    let token = token.split_whitespace().last().unwrap();
    assert!(sse.ends_with("/sse") && token.len() == 64, "{sse} {token}");
    for client in ["claude mcp add", "mcpServers", "code --add-mcp"] {
        let line = running.out_line(client);
        assert!(line.contains(url) && line.contains(token), "{line}");
    }
    let inspector = running.out_line("modelcontextprotocol/inspector");
    assert!(inspector.contains(url), "{inspector}");
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    let client = Client::new(address, token);
    for (account, id) in [("production", "222222222222"), ("staging", "333333333333")] {
        let body = client.call("list_secrets", json!({ "account": account })).await;
        assert_eq!(body["receipt"]["account_id"], json!(id));
    }
    running.terminate();
    assert_eq!(running.end().code, Some(0));
}

#[tokio::test]
async fn a_request_without_the_token_is_refused_on_every_route_but_health() {
    let (_running, client) = sandbox_server(&[]);
    for path in ["/mcp", "/sse", "/messages", "/", "/mcp?access_token=x"] {
        let answer = client.send(Method::POST, path, &[], "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        let said = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(said.contains("Authorization: Bearer"), "{said}");
    }
    let wrong = [("authorization", &b"Bearer 00112233445566778899aabbccddeeff"[..])];
    let answer = client.send(Method::POST, "/mcp", &wrong, "{}").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.send(Method::GET, path, &[], "").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_token_of_ones_own_is_used_and_not_printed() {
    let token = "0123456789abcdef0123456789abcdef";
    let mut running = program(&["serve", "--sandbox", "--port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKENS", &format!("alice={token}"))
        .start();
    let url = running.out_line("Streamable HTTP");
    let address = url
        .split_whitespace()
        .last()
        .unwrap()
        .trim_start_matches("http://")
        .trim_end_matches("/mcp")
        .to_owned();
    let body = Client::new(&address, token)
        .call("get_caller_identity", json!({ "account": "staging" }))
        .await;
    assert_eq!(body["receipt"]["session_name"], json!("aws-ops-alice"));
    running.terminate();
    let ended = running.end();
    assert!(!ended.out.contains(token) && !ended.err.contains(token));
}

/// AWS, which answers GetCallerIdentity when it is told to.
async fn slow_aws() -> (String, mpsc::UnboundedReceiver<()>, Arc<Notify>) {
    let (asked, begun) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let (notify, first) = (go_on.clone(), Arc::new(Mutex::new(true)));
    let answer = move || {
        let (asked, notify) = (asked.clone(), notify.clone());
        let wait = std::mem::take(&mut *first.lock().unwrap());
        async move {
            if wait {
                asked.send(()).unwrap();
                notify.notified().await;
            }
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/x</Arn>\
             <UserId>x</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (endpoint, begun, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_server_finishes_the_call_in_flight_and_exits_well() {
    let (endpoint, mut begun, go_on) = slow_aws().await;
    let token = "0123456789abcdef0123456789abcdef";
    let mut running = program(&["serve", "--port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKEN", token)
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-real-one")
        .start();
    let line: serde_json::Value = serde_json::from_str(&running.err_line("listening")).unwrap();
    let address = text(&line, "address").to_owned();
    let client = Client::new(&address, token);
    let call = tokio::spawn(async move { client.call("get_caller_identity", json!({})).await });
    begun.recv().await.unwrap();
    running.terminate();
    running.err_line("\"message\":\"stopping\"");
    // Nobody new comes in, and who is in gets an answer.
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    go_on.notify_one();
    let body = call.await.unwrap();
    assert_eq!(body["data"]["account"], json!("111111111111"));
    let ended = running.end();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.err.contains("\"message\":\"stopped\"") && !ended.err.contains("were cut"),
        "{}",
        ended.err
    );
}

/// An STS that takes any web identity, for keys that must be renewed at once, and tells which tokens it was shown.
async fn sts_of_web_identities() -> (String, mpsc::UnboundedReceiver<String>) {
    let (shown, tokens) = mpsc::unbounded_channel();
    let answer = move |form: String| {
        let field = |name: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        if let Some(token) = field("WebIdentityToken") {
            shown.send(token).unwrap();
        }
        let soon = DateTime::from(SystemTime::now() + Duration::from_secs(200));
        let soon = soon.fmt(Format::DateTime).unwrap();
        let keys = format!(
            "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>{soon}</Expiration></Credentials>"
        );
        let user = "<AssumedRoleUser><AssumedRoleId>x:y</AssumedRoleId><Arn>arn:aws:sts::111111111111:assumed-role/base/y</Arn></AssumedRoleUser>";
        let text = match field("Action").unwrap_or_default().as_str() {
            "AssumeRoleWithWebIdentity" => format!(
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>{keys}{user}</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
            ),
            _ => "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111111111111:assumed-role/base/y</Arn>\
                  <UserId>x</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned(),
        };
        async move { text }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (endpoint, tokens)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_web_identity_token_is_used_without_a_restart() {
    let (endpoint, mut tokens) = sts_of_web_identities().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "the-first").unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    let mut running = program(&["serve", "--port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKEN", token)
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/base")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap())
        .start();
    let line: serde_json::Value = serde_json::from_str(&running.err_line("listening")).unwrap();
    let client = Client::new(text(&line, "address"), token);
    for expected in ["the-first", "the-second"] {
        std::fs::write(&file, expected).unwrap();
        let body = client.call("get_caller_identity", json!({})).await;
        assert_eq!(body["data"]["account"], json!("111111111111"), "{body}");
        assert_eq!(tokens.recv().await.as_deref(), Some(expected));
        // The same keys may be asked for more than once in a call: they are always about to end.
        while tokens.try_recv().is_ok() {}
    }
}

#[test]
fn an_interrupt_ends_it_as_well() {
    for signal in ["-INT", "-TERM"] {
        let (running, _) = sandbox_server(&[]);
        running.signal(signal);
        assert_eq!(running.end().code, Some(0), "{signal}");
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = program(&["serve", "--sandbox"]).env("MCP_PORT", &port).run();
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
    assert!(
        ended.err.contains(&address) && ended.err.contains("MCP_PORT"),
        "{}",
        ended.err
    );
}

#[test]
fn a_server_that_only_loopback_names_reach_says_so() {
    let mut running = program(&["serve", "--host", "0.0.0.0", "--port", "0"])
        .env("MCP_AUTH_TOKEN", "0123456789abcdef0123456789abcdef")
        .start();
    running.err_line("set PUBLIC_URL or ALLOWED_HOSTS");
}
