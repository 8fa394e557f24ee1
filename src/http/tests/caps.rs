//! How many sessions there may be, and when they end.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Response, StatusCode, header};

use super::support::*;

async fn open(app: &App, token: &str) -> Response<Body> {
    app.send(post(token, None, &initialize())).await
}

async fn delete(app: &App, token: &str, session: &str) -> StatusCode {
    let builder = request(Method::DELETE, "/mcp", token).header("mcp-session-id", session);
    app.send(builder.body(Body::empty()).unwrap()).await.status()
}

#[tokio::test]
async fn both_transports_count_together_per_caller_and_in_all() {
    let app = app(&["--max-sessions-per-caller", "2", "--max-sessions", "3"]);
    let session = app.initialize(ALICE).await;
    let (_, stream) = app.open_sse(ALICE).await;
    let sse = || request(Method::GET, "/sse", ALICE).body(Body::empty()).unwrap();
    for refused in [open(&app, ALICE).await, app.send(sse()).await] {
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert!(!refused.headers().contains_key("mcp-session-id"));
        assert!(text(refused).await.contains("MAX_SESSIONS_PER_CALLER"));
    }
    app.initialize(BOB).await;
    let refused = open(&app, BOB).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(refused).await.contains("MAX_SESSIONS"));

    assert_eq!(delete(&app, ALICE, &session).await, StatusCode::NO_CONTENT);
    assert_eq!(
        app.call(ALICE, Some(&session), "whoami").await.status(),
        StatusCode::NOT_FOUND
    );
    app.initialize(ALICE).await;
    drop(stream);
    let _again = app.open_sse(ALICE).await;
}

#[tokio::test]
async fn stateless_requests_take_no_place() {
    let app = app(&["--max-sessions", "1"]);
    app.initialize(ALICE).await;
    for _ in 0..3 {
        assert_eq!(app.call(BOB, None, "whoami").await.status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_and_gives_its_place_back() {
    let app = app(&["--session-idle-timeout", "60s", "--max-sessions", "1"]);
    let session = app.initialize(ALICE).await;
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(app.call(ALICE, Some(&session), "whoami").await.status(), StatusCode::OK);
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    let gone = app.call(ALICE, Some(&session), "whoami").await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    app.initialize(ALICE).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_call_longer_than_the_idle_time_keeps_its_session_and_its_result() {
    // Without pings: rmcp times them with the real clock, which stands still here.
    let app = app(&["--session-idle-timeout", "60s", "--sse-ping", "off"]);
    let session = app.initialize(ALICE).await;
    let answered = async {
        let response = app.call(ALICE, Some(&session), "wait").await;
        text(response).await
    };
    let released = async {
        app.begun().await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        app.fixture.go_on.notify_one();
    };
    let (answer, ()) = tokio::join!(answered, released);
    assert!(answer.contains("waited"), "{answer}");
}
