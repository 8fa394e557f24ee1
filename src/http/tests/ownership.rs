//! A session belongs to who opened it. Anybody else gets what an unknown id gets, and disturbs nothing.

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::support::*;

/// All that a client can see of an answer.
async fn seen(response: Response<Body>) -> (StatusCode, HeaderMap, String) {
    let mut headers = response.headers().clone();
    assert!(headers.remove("x-request-id").is_some());
    (response.status(), headers, text(response).await)
}

fn attempts(session: &str) -> Vec<Request<Body>> {
    let with = |method: Method, body: String| {
        request(method, "/mcp", BOB)
            .header("mcp-session-id", session)
            .body(Body::from(body))
            .unwrap()
    };
    let mut resume = with(Method::GET, String::new());
    resume.headers_mut().insert("last-event-id", "0/0".parse().unwrap());
    let mut resume_idle = with(Method::GET, String::new());
    resume_idle.headers_mut().insert("last-event-id", "0".parse().unwrap());
    vec![
        with(Method::POST, call("whoami").to_string()),
        with(Method::POST, initialize().to_string()),
        with(Method::POST, initialized().to_string()),
        with(Method::POST, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned()),
        with(Method::GET, String::new()),
        resume,
        resume_idle,
        with(Method::DELETE, String::new()),
    ]
}

#[tokio::test]
async fn a_stolen_id_is_an_unknown_id_on_mcp() {
    let app = app(&[]);
    let session = app.initialize(ALICE).await;
    let waiting = app.call(ALICE, Some(&session), "wait");
    let theft = async {
        app.begun().await;
        let unknown = attempts("00000000-0000-4000-8000-000000000000");
        for (stolen, unknown) in attempts(&session).into_iter().zip(unknown) {
            let what = format!("{stolen:?}");
            let stolen = seen(app.send(stolen).await).await;
            assert_eq!(stolen.0, StatusCode::NOT_FOUND, "{what}");
            assert_eq!(stolen, seen(app.send(unknown).await).await, "{what}");
        }
        app.fixture.go_on.notify_one();
    };
    let (response, ()) = tokio::join!(waiting, theft);
    assert_eq!(result_text(&json_of(response).await), "waited");
    let response = app.call(ALICE, Some(&session), "whoami").await;
    assert!(result_text(&json_of(response).await).contains("alice"));
}

#[tokio::test]
async fn a_stolen_id_is_an_unknown_id_on_messages() {
    let app = app(&[]);
    let (endpoint, mut stream) = app.initialize_sse(ALICE).await;
    let id = endpoint.split('=').next_back().unwrap();
    for stolen in [endpoint.clone(), format!("/messages?session_id={id}")] {
        for message in [call("whoami"), initialized()] {
            let stolen = seen(app.post_to(&stolen, BOB, &message).await).await;
            assert_eq!(stolen.0, StatusCode::NOT_FOUND);
            for unknown in [
                "/messages?sessionId=0",
                "/messages",
                "/messages?sessionId=0&session_id=1",
            ] {
                assert_eq!(stolen, seen(app.post_to(unknown, BOB, &message).await).await);
            }
        }
    }
    // Nor do the ids of one transport open the other.
    assert_eq!(
        app.call(ALICE, Some(id), "whoami").await.status(),
        StatusCode::NOT_FOUND
    );
    let session = app.initialize(ALICE).await;
    let crossed = app
        .post_to(&format!("/messages?sessionId={session}"), ALICE, &call("whoami"))
        .await;
    assert_eq!(crossed.status(), StatusCode::NOT_FOUND);

    assert_eq!(
        app.post_to(&endpoint, ALICE, &call("whoami")).await.status(),
        StatusCode::ACCEPTED
    );
    let answer = data_of(&next_event(&mut stream).await.unwrap());
    assert!(result_text(&answer).contains("alice"));
}

#[tokio::test]
async fn more_than_one_session_id_is_refused() {
    let app = app(&[]);
    let session = app.initialize(ALICE).await;
    let mut request = post(ALICE, Some(&session), &call("whoami"));
    request
        .headers_mut()
        .append("mcp-session-id", "another".parse().unwrap());
    assert_eq!(app.send(request).await.status(), StatusCode::BAD_REQUEST);
}
