//! `/mcp`: which answers are JSON and which are streams, with a session and without one, old and new.

use axum::body::Body;
use http::{Method, StatusCode, header};
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn a_result_that_nothing_precedes_is_json_and_keeps_the_session_header() {
    let app = app(&[]);
    let response = app.send(post(ALICE, None, &initialize())).await;
    assert!(response.headers().contains_key("mcp-session-id"));
    assert!(!response.headers().contains_key(header::CACHE_CONTROL));
    assert_eq!(json_of(response).await["result"]["protocolVersion"], "2025-06-18");
    let session = app.initialize(ALICE).await;
    let response = app.call(ALICE, Some(&session), "whoami").await;
    assert!(result_text(&json_of(response).await).contains("alice"));
    // Errors of the protocol are results here too.
    let unknown = json!({"jsonrpc": "2.0", "id": 9, "method": "no/such"});
    assert_eq!(
        json_of(app.send(post(ALICE, Some(&session), &unknown)).await).await["error"]["code"],
        -32601
    );
}

#[tokio::test]
async fn a_result_that_something_precedes_is_a_stream() {
    let app = app(&[]);
    let session = app.initialize(ALICE).await;
    for session in [Some(session.as_str()), None] {
        let response = app.call(ALICE, session, "progress").await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let text = text(response).await;
        let progress = text.find("notifications/progress").unwrap();
        assert!(progress < text.find("progressed").unwrap(), "{text}");
        // Only a session can be resumed, so only its stream has ids.
        assert_eq!(text.contains("id: 0/"), session.is_some(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_result_opens_its_stream_within_one_ping() {
    let app = app(&["--sse-ping", "5s"]);
    let session = app.initialize(ALICE).await;
    for session in [Some(session.as_str()), None] {
        let start = tokio::time::Instant::now();
        let response = app.call(ALICE, session, "wait").await;
        assert_eq!(start.elapsed().as_secs(), 5);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut body = response.into_body();
        if session.is_some() {
            // What lets a client come back for the result.
            assert!(next_event(&mut body).await.unwrap().contains("id: 0/"));
        }
        assert!(next_event(&mut body).await.unwrap().starts_with(':'));
        app.begun().await;
        app.fixture.go_on.notify_one();
        let answer = loop {
            let event = next_event(&mut body).await.unwrap();
            if !event.starts_with(':') {
                break data_of(&event);
            }
        };
        assert_eq!(result_text(&answer), "waited");
        assert_eq!(next_event(&mut body).await, None);
    }
}

#[tokio::test]
async fn a_client_without_a_session_is_served_statelessly() {
    let app = app(&[]);
    let response = app.call(BOB, None, "whoami").await;
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert!(result_text(&json_of(response).await).contains("bob"));
    assert_eq!(
        app.send(post(BOB, None, &initialized())).await.status(),
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn with_mcp_stateless_there_are_no_sessions_at_all() {
    let app = app(&["--stateless"]);
    let response = app.send(post(ALICE, None, &initialize())).await;
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert_eq!(json_of(response).await["result"]["protocolVersion"], "2025-06-18");
    // A platform in front may send an id of its own.
    let response = app.call(ALICE, Some("platform-made-id"), "whoami").await;
    assert!(result_text(&json_of(response).await).contains("alice"));
    for method in [Method::GET, Method::DELETE] {
        let response = app
            .send(request(method, "/mcp", ALICE).body(Body::empty()).unwrap())
            .await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
}

#[tokio::test]
async fn the_revision_of_2026_is_stateless_whatever_session_it_names() {
    let app = app(&[]);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "whoami", "arguments": {}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    for session in [None, Some("of-nobody")] {
        let mut request = post(ALICE, session, &message);
        for (name, value) in [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "whoami"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = json_of(app.send(request).await).await;
        assert!(result_text(&answer).contains("alice"), "{answer}");
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_without_its_detail() {
    let app = panicking_app();
    let response = app.send(post(ALICE, None, &initialize())).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("x-request-id"));
    assert!(!text(response).await.contains("secret"));
}
