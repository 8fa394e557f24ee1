//! `/sse` and `/messages`.

use std::time::Duration;

use http::{StatusCode, header};

use super::support::*;

#[tokio::test]
async fn calls_are_answered_on_the_stream_with_the_same_parts_as_on_mcp() {
    let app = app(&[]);
    let (endpoint, mut stream) = app.initialize_sse(BOB).await;
    let accepted = app.post_to(&endpoint, BOB, &call("whoami")).await;
    let request_id = accepted.headers()["x-request-id"].to_str().unwrap().to_owned();
    let answer = data_of(&next_event(&mut stream).await.unwrap());
    let told: serde_json::Value = serde_json::from_str(result_text(&answer)).unwrap();
    assert_eq!(
        told,
        serde_json::json!({"caller": "bob", "request_id": request_id, "token_visible": false})
    );

    app.post_to(&endpoint, BOB, &call("progress")).await;
    assert_eq!(
        data_of(&next_event(&mut stream).await.unwrap())["method"],
        "notifications/progress"
    );
    assert_eq!(
        result_text(&data_of(&next_event(&mut stream).await.unwrap())),
        "progressed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_pinged_and_never_idles_out() {
    let app = app(&["--sse-ping", "15s", "--session-idle-timeout", "60s"]);
    let (endpoint, mut stream) = app.initialize_sse(ALICE).await;
    let start = tokio::time::Instant::now();
    for n in 1..=10 {
        assert!(next_event(&mut stream).await.unwrap().starts_with(':'));
        assert_eq!(start.elapsed().as_secs(), 15 * n);
    }
    assert_eq!(
        app.post_to(&endpoint, ALICE, &call("whoami")).await.status(),
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn a_dropped_stream_ends_its_session() {
    let app = app(&[]);
    let (endpoint, stream) = app.initialize_sse(ALICE).await;
    drop(stream);
    assert_eq!(
        app.post_to(&endpoint, ALICE, &call("whoami")).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_stream_is_not_read_takes_no_more_and_says_so() {
    let app = app(&["--max-in-flight-per-caller", "off"]);
    let (endpoint, _stream) = app.initialize_sse(ALICE).await;
    let mut taken = 0;
    let busy = loop {
        let mut message = call("progress");
        message["id"] = taken.into();
        let response = app.post_to(&endpoint, ALICE, &message).await;
        if response.status() != StatusCode::ACCEPTED {
            break response;
        }
        taken += 1;
        assert!(taken <= 64, "it never says that it is busy");
    };
    assert_eq!(taken, 64);
    assert_eq!(busy.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.headers()[header::RETRY_AFTER], "5");
    // Nor may one id be used twice at once: its answers could not be told apart.
    let (endpoint, _stream) = app.initialize_sse(ALICE).await;
    assert_eq!(
        app.post_to(&endpoint, ALICE, &call("wait")).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        app.post_to(&endpoint, ALICE, &call("wait")).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    // Another session of the same caller is not held up by it.
    let (endpoint, mut stream) = app.initialize_sse(ALICE).await;
    app.post_to(&endpoint, ALICE, &call("whoami")).await;
    let answer = tokio::time::timeout(Duration::from_secs(1), next_event(&mut stream))
        .await
        .unwrap()
        .unwrap();
    assert!(result_text(&data_of(&answer)).contains("alice"));
}
