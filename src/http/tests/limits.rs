//! Bodies: size, time, depth, and what isn't JSON-RPC at all.

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Response, StatusCode};

use super::support::*;

async fn send(app: &App, uri: &str, body: Body) -> Response<Body> {
    app.send(request(Method::POST, uri, ALICE).body(body).unwrap()).await
}

async fn refused(response: Response<Body>) -> (u16, i64, String) {
    let status = response.status().as_u16();
    let answer = json_of(response).await;
    let error = &answer["error"];
    (
        status,
        error["code"].as_i64().unwrap(),
        error["message"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_large_body_is_refused_whether_announced_or_not() {
    let app = app(&["--max-body-bytes", "1KiB"]);
    for uri in ["/mcp", "/messages?sessionId=x"] {
        let announced = request(Method::POST, uri, ALICE)
            .header("content-length", "1025")
            .body(Body::empty());
        let (status, _, message) = refused(app.send(announced.unwrap()).await).await;
        assert!(
            status == 413 && message.contains("MAX_BODY_BYTES"),
            "{status} {message}"
        );
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100])));
        let (status, _, message) = refused(send(&app, uri, Body::from_stream(chunks)).await).await;
        assert!(status == 413 && message.contains("1024"), "{status} {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let app = app(&["--body-read-timeout", "30s"]);
    let start = tokio::time::Instant::now();
    let drip =
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]).chain(futures::stream::pending());
    let (status, _, message) = refused(send(&app, "/mcp", Body::from_stream(drip)).await).await;
    assert!(
        status == 408 && message.contains("BODY_READ_TIMEOUT"),
        "{status} {message}"
    );
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn deep_json_is_refused_before_it_is_parsed() {
    let app = app(&["--max-json-depth", "10"]);
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{open}{close}}}}}"#)
    };
    assert_eq!(send(&app, "/mcp", Body::from(nested(8))).await.status(), StatusCode::OK);
    for levels in [9, 1_000_000] {
        let (status, code, message) = refused(send(&app, "/mcp", Body::from(nested(levels))).await).await;
        assert!(
            status == 400 && code == -32600 && message.contains("MAX_JSON_DEPTH"),
            "{status} {code} {message}"
        );
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_json_rpc_has_it() {
    let app = app(&[]);
    for uri in ["/mcp", "/messages?sessionId=x"] {
        for (body, expected) in [
            ("", -32700),
            ("{", -32700),
            ("[]", -32600),
            (r#"{"id":1}"#, -32600),
            ("7", -32600),
        ] {
            let (status, code, _) = refused(send(&app, uri, Body::from(body)).await).await;
            assert_eq!((status, code), (400, expected), "{uri} {body}");
        }
    }
    let named = send(
        &app,
        "/mcp",
        Body::from(r#"{"jsonrpc":"1.0","id":"x","method":"ping"}"#),
    )
    .await;
    assert_eq!(json_of(named).await["id"], "x");
}

#[tokio::test]
async fn limits_can_be_lifted() {
    let app = app(&[
        "--max-body-bytes",
        "off",
        "--max-json-depth",
        "off",
        "--body-read-timeout",
        "off",
    ]);
    assert_eq!(app.call(ALICE, None, "whoami").await.status(), StatusCode::OK);
}
