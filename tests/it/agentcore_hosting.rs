//! As AgentCore Runtime hosts it: every interface, no sessions, and headers of sessions that are the platform's own.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    body_of,
    client::{Answer, Client},
    process::{Running, program},
};

const TOKEN: &str = "it-hosted-0123456789abcdef0123456789abcdef";
/// What the platform and its callers may send; none of it names anything that this server made.
const FOREIGN: [&[(&str, &[u8])]; 5] = [
    &[],
    &[("mcp-session-id", b"0c6e35cb-5b3d-4f4c-8a5d-2f9c5d0f8a11")],
    &[(
        "x-amzn-bedrock-agentcore-runtime-session-id",
        b"identity-0c6e35cb-5b3d-4f4c-8a5d-2f9c5d0f8a11",
    )],
    &[
        ("mcp-session-id", b"the-client's"),
        ("mcp-session-id", b"the-platform's"),
        ("x-amzn-bedrock-agentcore-runtime-session-id", b"one"),
        ("x-amzn-bedrock-agentcore-runtime-session-id", b"another"),
        ("x-amzn-bedrock-agentcore-runtime-custom-tenant", b"blue"),
    ],
    &[("mcp-session-id", b"\xff\xfe not even text")],
];

/// The program with the image's settings and those that docs/image.md gives to a runtime.
fn hosted(extra: &[(&str, &str)]) -> (Running, String) {
    let settings = [
        ("MCP_HOST", "0.0.0.0"),
        ("MCP_PORT", "0"),
        ("MCP_STATELESS", "true"),
        ("MCP_AUTH_TOKEN", TOKEN),
    ];
    let settings = settings.iter().chain(extra);
    let mut running = settings
        .fold(program(&["serve", "--sandbox"]), |p, (name, value)| p.env(name, value))
        .start();
    let line = running.out_line("Streamable HTTP");
    let url = line.split_whitespace().last().unwrap().to_owned();
    let port = url.trim_end_matches("/mcp").rsplit(':').next().unwrap().to_owned();
    (running, format!("127.0.0.1:{port}"))
}

/// One POST to /mcp with these headers beside those that every client sends.
async fn post(client: &Client, headers: &[(&str, &[u8])], message: &Value) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let usual: [(&str, &[u8]); 3] = [
        ("authorization", bearer.as_bytes()),
        ("accept", b"application/json, text/event-stream"),
        ("content-type", b"application/json"),
    ];
    let headers = [&usual, headers].concat();
    client.send(Method::POST, "/mcp", &headers, &message.to_string()).await
}

fn checked(answer: &Answer, status: StatusCode, headers: &[(&str, &[u8])]) {
    let said = String::from_utf8_lossy(&answer.bytes);
    assert_eq!(answer.status, status, "{headers:?}: {said}");
    assert!(!answer.headers.contains_key("mcp-session-id"), "{headers:?}");
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.headers["content-type"], "application/json");
    serde_json::from_slice(&answer.bytes).unwrap()
}

#[tokio::test]
async fn sessions_of_the_platform_are_no_concern_of_a_stateless_server() {
    let (_running, address) = hosted(&[]);
    let client = Client::new(&address, TOKEN);
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "it", "version": "1" } } });
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "list_secrets", "arguments": { "account": "production" } } });
    for headers in FOREIGN {
        let answer = post(&client, headers, &initialize).await;
        checked(&answer, StatusCode::OK, headers);
        assert_eq!(json_of(&answer)["result"]["protocolVersion"], "2025-06-18");

        // A client of that era names the version from here on, and the id that the platform gave it.
        let headers = [headers, &[("mcp-protocol-version", b"2025-06-18")]].concat();
        checked(
            &post(&client, &headers, &initialized).await,
            StatusCode::ACCEPTED,
            &headers,
        );
        let answer = post(&client, &headers, &call).await;
        checked(&answer, StatusCode::OK, &headers);
        assert_eq!(body_of(&json_of(&answer))["success"], true);
    }
}

#[tokio::test]
async fn so_they_are_to_clients_of_the_revision_without_sessions() {
    let (_running, address) = hosted(&[]);
    let client = Client::new(&address, TOKEN);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } });
    for headers in FOREIGN {
        let era: [(&str, &[u8]); 2] = [("mcp-protocol-version", b"2026-07-28"), ("mcp-method", b"tools/list")];
        let headers = [headers, &era].concat();
        let answer = post(&client, &headers, &list).await;
        checked(&answer, StatusCode::OK, &headers);
        assert!(!json_of(&answer)["result"]["tools"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_comes_with_progress_is_a_stream() {
    let (_running, address) = hosted(&[]);
    let client = Client::new(&address, TOKEN);
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "list_secrets", "arguments": { "accounts": ["production", "staging"] },
        "_meta": { "progressToken": "p" } } });
    for headers in FOREIGN {
        let answer = post(&client, headers, &call).await;
        checked(&answer, StatusCode::OK, headers);
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let text = String::from_utf8_lossy(&answer.bytes);
        let messages = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let messages: Vec<Value> = messages.filter_map(|json| serde_json::from_str(json).ok()).collect();
        assert_eq!(messages[0]["method"], "notifications/progress", "{text}");
        assert_eq!(messages.last().unwrap()["id"], 7, "{text}");
    }
}

#[tokio::test]
async fn there_is_no_stream_to_listen_to_and_no_session_to_end() {
    let (_running, address) = hosted(&[]);
    let client = Client::new(&address, TOKEN);
    let bearer = format!("Bearer {TOKEN}");
    for method in [Method::GET, Method::DELETE] {
        for headers in FOREIGN {
            let authorization: [(&str, &[u8]); 2] =
                [("authorization", bearer.as_bytes()), ("accept", b"text/event-stream")];
            let all = [&authorization, headers].concat();
            let answer = client.send(method.clone(), "/mcp", &all, "").await;
            checked(&answer, StatusCode::METHOD_NOT_ALLOWED, headers);
            assert_eq!(answer.headers["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn the_host_that_the_platform_sends_is_named_in_the_settings_and_in_the_log_if_it_is_not() {
    let host = "bedrock-agentcore.eu-west-1.amazonaws.com";
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let headers: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
    let (_running, address) = hosted(&[("ALLOWED_HOSTS", host)]);
    let answer = post(&Client::new(&address, TOKEN), &headers, &list).await;
    checked(&answer, StatusCode::OK, &headers);

    let (mut running, address) = hosted(&[]);
    let answer = post(&Client::new(&address, TOKEN), &headers, &list).await;
    checked(&answer, StatusCode::FORBIDDEN, &headers);
    assert!(running.err_line("refused").contains(host));
}
