//! Requests there, answers back.

use serde_json::{Value, json};

use super::{Client, SESSION, Setup, methods, script, upstream};
use crate::support::upstream::{Fault, RUNTIME_ARN};

#[tokio::test]
async fn a_session_of_mcp_goes_through_signed_and_word_for_word() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    let answer = client.initialize().await;
    assert_eq!(answer["result"]["serverInfo"]["name"], "upstream");
    let listed = client.call("tools/list", json!({})).await;
    assert!(
        listed["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 8),
        "{listed}"
    );
    let line = r#"{"jsonrpc": "2.0",  "id":"ü-1", "method":"tools/call", "params":{"name":"aws___run_script","arguments":{"code":"1"}}}"#;
    client.says_line(&format!("  {line}\r")).await;
    let called = client.hears().await;
    assert_eq!(called["id"], "ü-1", "{called}");
    let seen: Value = serde_json::from_str(called["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(seen["service"], "bedrock-agentcore");
    let requests = upstream.requests();
    assert_eq!(
        methods(&upstream),
        ["initialize", "notifications/initialized", "tools/list", "tools/call"]
    );
    assert_eq!(requests[3].body, line.as_bytes());
    for request in &requests {
        let arn = RUNTIME_ARN.replace(':', "%3A").replace('/', "%2F");
        assert_eq!(
            request.uri.to_string(),
            format!("/runtimes/{arn}/invocations?qualifier=DEFAULT")
        );
        assert_eq!(request.account.as_deref(), Some("111111111111"), "{request:?}");
        let length = request.header(SESSION).unwrap().len();
        assert!((33..=256).contains(&length), "{length}");
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(request.session_id(), None);
    }
    assert!(client.leaves().await.is_empty());
}

#[tokio::test]
async fn headers_say_what_the_message_says() {
    let upstream = upstream().await;
    let setup = Setup {
        qualifier: "prod",
        ..Setup::default()
    };
    let mut client = Client::of(&upstream, setup);
    client.initialize().await;
    let mut params = script();
    params["_meta"] = json!({ "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
    client.call("tools/call", params).await;
    let requests = upstream.requests();
    let header = |n: usize, name: &str| requests[n].header(name).map(str::to_owned);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        (header(0, "mcp-method"), header(0, "mcp-protocol-version")),
        (some("initialize"), None)
    );
    assert_eq!(header(1, "mcp-protocol-version"), some("2025-11-25"));
    assert_eq!(
        (header(2, "mcp-method"), header(2, "mcp-name")),
        (some("tools/call"), some("aws___run_script"))
    );
    assert_eq!(header(2, "mcp-protocol-version"), some("2025-11-25"));
    assert_eq!(
        header(2, "traceparent"),
        some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    );
    assert!(requests.iter().all(|r| r.uri.query() == Some("qualifier=prod")));
}

#[tokio::test]
async fn a_message_of_2026_needs_no_handshake() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "it", "version": "1" },
    });
    let answer = client.call("tools/list", json!({ "_meta": meta })).await;
    assert!(answer["result"]["tools"].is_array(), "{answer}");
    assert_eq!(
        upstream.requests()[0].header("mcp-protocol-version"),
        Some("2026-07-28")
    );
    assert_eq!(methods(&upstream), ["tools/list"]);
}

#[tokio::test]
async fn streams_of_events_become_lines() {
    let upstream = upstream().await;
    upstream.set_stream(true);
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    let params = json!({ "name": "progressing", "arguments": {}, "_meta": { "progressToken": "t" } });
    let id = client.asks("tools/call", params).await;
    for step in [1.0, 2.0] {
        let news = client.hears().await;
        assert_eq!(
            (&news["method"], &news["params"]["progress"]),
            (&json!("notifications/progress"), &json!(step))
        );
    }
    assert_eq!(client.hears().await["id"], id);
    upstream.fail(Fault::SplitEvents, 1);
    let listed = client.call("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].is_array(), "{listed}");
}

#[tokio::test]
async fn notifications_are_relayed_and_never_answered() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    client.notifies("notifications/roots/list_changed").await;
    client
        .says_line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}"#)
        .await;
    upstream.fail_on("notifications/x", Fault::RuntimeError, 1);
    client.notifies("notifications/x").await;
    assert!(client.leaves().await.is_empty());
    let seen = methods(&upstream);
    assert_eq!(
        seen[1..],
        [
            "notifications/initialized",
            "notifications/roots/list_changed",
            "notifications/cancelled",
            "notifications/x"
        ]
    );
}

#[tokio::test]
async fn a_hanging_call_blocks_no_other() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    upstream.fail_on("tools/call", Fault::Hang, 1);
    client.asks("tools/call", script()).await;
    for _ in 0..20 {
        client.call("tools/list", json!({})).await;
    }
}

#[tokio::test]
async fn many_answers_at_once_are_whole_lines() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    let mut open = Vec::new();
    for n in 0..60 {
        upstream.set_stream(n % 2 == 0);
        open.push(client.asks("tools/list", json!({})).await);
    }
    for _ in 0..60 {
        let answer = client.hears().await;
        assert!(answer["result"]["tools"].is_array(), "{answer}");
        open.retain(|id| *id != answer["id"]);
    }
    assert!(open.is_empty(), "{open:?}");
}
