//! The limits of the transport over the real tools: what counts as a change, and what becomes of one that was not counted so.

use aws_ops_mcp::{
    auth::Authenticator,
    config::HttpConfig,
    http::{Cost, Lifecycle, router},
};
use axum::body::Body;
use clap::Parser as _;
use http::{
    Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::BodyExt as _;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::{
    body_of,
    stub::Stub,
    text,
    world::{ALICE, World},
};

fn call(tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn counted(world: &World, tool: &str, arguments: Value) -> bool {
    let call: CallToolRequestParams = serde_json::from_value(json!({ "name": tool, "arguments": arguments })).unwrap();
    world.server().changes(&call)
}

#[tokio::test(start_paused = true)]
async fn changes_are_held_up_and_reads_are_not() {
    let stub = Stub::new().await;
    let world = World::of_stub(&stub, &["--caller-write-rate", "1", "--caller-write-burst", "2"]);
    // With an argument that there is not, nothing is asked of AWS.
    let wrong = json!({ "wrong": true });
    let mut seen = Vec::new();
    for tool in [
        "create_secret",
        "put_object",
        "delete_secret",
        "no_such_tool",
        "list_secrets",
        "get_secret_value",
    ] {
        seen.push(world.send(ALICE, None, &call(tool, &wrong)).await.status().as_u16());
    }
    assert_eq!(seen, [200, 200, 429, 429, 200, 200]);
    assert_eq!(stub.total(), 0);
}

#[tokio::test]
async fn what_a_tool_counts_as_is_what_it_declares() {
    let Some((world, _upstream)) = World::forwarding(Default::default(), &[]).await else {
        return;
    };
    // Until the forwarded tools are known, they count as changes.
    assert!(counted(&world, "aws___search_documentation", json!({})));
    world.server().forwarded_tools().await.unwrap();
    for (tool, arguments, expected) in [
        ("aws___search_documentation", json!({}), false),
        ("aws___run_script", json!({}), true),
        ("aws___run_script", json!({ "read_only": true }), false),
        ("aws___run_script", json!({ "read_only": "true" }), true),
        // Only forwarded tools have the argument.
        ("put_object", json!({ "read_only": true }), true),
        ("get_secret_value", json!({}), false),
        ("delete_object", json!({}), true),
    ] {
        assert_eq!(counted(&world, tool, arguments.clone()), expected, "{tool} {arguments}");
    }
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    http: HttpConfig,
}

#[tokio::test]
async fn a_change_that_was_counted_as_a_read_changes_nothing() {
    let stub = Stub::new().await;
    let world = World::of_stub(&stub, &[]);
    let http = Settings::parse_from(["it", "--auth-tokens", &format!("alice={ALICE}")]).http;
    let auth = Authenticator::from_config(&http).unwrap();
    let server = world.server().clone();
    let lifecycle = Lifecycle::new(CancellationToken::new());
    let router = router(&http, auth, move || server.clone(), |_| Cost::Read, &lifecycle).unwrap();
    let arguments = json!({ "account": "production", "secret_id": "a", "secret_string": "b" });
    let request = Request::post("/mcp")
        .header(HOST, "localhost")
        .header(AUTHORIZATION, format!("Bearer {ALICE}"))
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(call("update_secret", &arguments).to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let error = body_of(&serde_json::from_slice(&bytes).unwrap())["error"].clone();
    assert_eq!((text(&error, "code"), &error["retryable"]), ("throttled", &json!(true)));
    assert!(text(&error, "hint").contains("call again"), "{error}");
    assert_eq!(stub.total(), 0);
}
