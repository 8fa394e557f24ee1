//! What a client hears while a call goes on, and what happens when it gives up.

use std::sync::Arc;

use axum::body::Body;
use http::{StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{
    body_of,
    stub::Behaviour,
    text,
    world::{ALICE, World},
};

use super::{codes, hundred, id, small};

fn call(id: u32, accounts: &Value, meta: Option<&str>) -> Value {
    let mut params = json!({ "name": "list_secrets", "arguments": { "accounts": accounts } });
    if let Some(token) = meta {
        params["_meta"] = json!({ "progressToken": token });
    }
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// The messages of an SSE body that ends.
async fn messages(body: Body) -> Vec<Value> {
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let data = data.map(str::trim).filter(|data| !data.is_empty());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Checks the notes that precede an answer, and gives the answer.
fn checked(messages: &[Value], token: &str) -> Value {
    let (answer, notes) = messages.split_last().unwrap();
    assert_eq!(notes.len(), 6, "{messages:?}");
    for (at, note) in notes.iter().enumerate() {
        assert_eq!(note["method"], json!("notifications/progress"));
        let params = &note["params"];
        assert_eq!(params["progressToken"], json!(token));
        let counted = (params["progress"].as_f64(), params["total"].as_f64());
        assert_eq!(counted, (Some([1., 2., 3., 4., 5., 6.][at]), Some(6.)));
        assert!(text(params, "message").contains('/'), "{note}");
    }
    body_of(answer)
}

#[tokio::test]
async fn a_client_that_asked_for_it_hears_of_each_target_before_the_answer() {
    let (_stub, world) = small(&[]).await;
    let session = world.session().await;
    for session in [None, Some(session.as_str())] {
        let response = world.send(ALICE, session, &call(7, &json!(["all"]), Some("p"))).await;
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let body = checked(&messages(response.into_body()).await, "p");
        assert_eq!(codes(&body), ["ok"; 6]);
    }
}

#[tokio::test]
async fn without_a_progress_token_the_answer_is_plain_json() {
    let (_stub, world) = small(&[]).await;
    let session = world.session().await;
    for session in [None, Some(session.as_str())] {
        let response = world.send(ALICE, session, &call(7, &json!(["all"]), None)).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }
}

#[tokio::test]
async fn a_finished_target_is_heard_of_while_another_still_hangs() {
    let (stub, world) = small(&[]).await;
    stub.set(&id(0), Behaviour::Hangs);
    let response = world
        .send(ALICE, None, &call(7, &json!(["alpha", "beta"]), Some("p")))
        .await;
    let mut body = response.into_body();
    let mut heard = String::new();
    while !heard.contains("beta/us-east-1") {
        let frame = body.frame().await.unwrap().unwrap();
        heard += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(!heard.contains("alpha"), "{heard}");
    stub.release();
    let rest = messages(body).await;
    assert_eq!(codes(&body_of(rest.last().unwrap())), ["ok", "ok"]);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_progress_holds_up_no_target() {
    let (stub, world) = hundred(&["--fan-out-parallelism", "2", "--assume-role-rate", "off"]).await;
    let (endpoint, mut stream) = world.sse().await;
    let accepted = world
        .post(&endpoint, ALICE, None, &call(7, &json!(["all"]), Some("p")))
        .await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    // More than the stream takes while nobody reads it.
    stub.until(|c| c.come == 100).await;
    let mut heard = String::new();
    while !heard.contains("structuredContent") {
        let frame = stream.frame().await.unwrap().unwrap();
        heard += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(heard.matches("notifications/progress").count() >= 64, "{heard}");
}

/// Begins a call over all accounts, one after the other, of which the first hangs.
async fn stuck(flags: &[&str], session: bool) -> (crate::support::stub::Stub, Arc<World>, Option<String>) {
    let (stub, world) = small(&[&["--fan-out-parallelism", "2"], flags].concat()).await;
    stub.all(Behaviour::Hangs);
    let session = if session { Some(world.session().await) } else { None };
    (stub, Arc::new(world), session)
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_call() {
    for token in [None, Some("p")] {
        let (stub, world, _) = stuck(&[], false).await;
        let going = world.clone();
        let sent = tokio::spawn(async move { going.send(ALICE, None, &call(7, &json!(["all"]), token)).await });
        stub.until(|c| c.hanging == 2).await;
        sent.abort();
        assert!(sent.await.is_err());
        stub.until(|c| c.abandoned == 2).await;
        nobody_else_is_asked(&stub, &world).await;
    }
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_ends() {
    for token in [None, Some("p")] {
        let (stub, world, session) = stuck(&[], true).await;
        let (calling, id) = (world.clone(), session.clone());
        let sent = tokio::spawn(async move {
            calling
                .send(ALICE, id.as_deref(), &call(7, &json!(["all"]), token))
                .await
        });
        stub.until(|c| c.hanging == 2).await;
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": { "requestId": 7, "reason": "enough" } });
        let accepted = world.send(ALICE, session.as_deref(), &cancel).await;
        assert_eq!(accepted.status(), StatusCode::ACCEPTED);
        stub.until(|c| c.abandoned == 2).await;
        nobody_else_is_asked(&stub, &world).await;
        sent.abort();
    }
}

/// The four whose turn had not come are left alone, while the server works on.
async fn nobody_else_is_asked(stub: &crate::support::stub::Stub, world: &World) {
    assert_eq!(stub.seen("ListSecrets").len(), 2);
    stub.release();
    let body = world.call("list_secrets", json!({ "account": "zeta" })).await;
    assert_eq!(body["success"], json!(true));
    let asked: Vec<String> = stub.seen("ListSecrets").into_iter().map(|s| s.account).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(asked[2], id(5));
}
