//! Tokens, hosts, origins, unknown routes, health.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};

use super::support::*;

fn bare(uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let builder = Request::builder().uri(uri);
    headers
        .iter()
        .fold(builder, |b, (name, value)| b.header(*name, *value))
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn a_call_reaches_the_handler_with_its_caller_and_without_its_token() {
    let app = app(&[]);
    let session = app.initialize(BOB).await;
    let response = app.call(BOB, Some(&session), "whoami").await;
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let answer = json_of(response).await;
    let told: serde_json::Value =
        serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        told,
        serde_json::json!({"caller": "bob", "request_id": request_id, "token_visible": false})
    );
}

#[tokio::test]
async fn every_route_but_health_asks_for_a_token() {
    let app = app(&[]);
    for uri in [
        "/mcp",
        "/sse",
        "/messages?sessionId=x",
        "/",
        "/mcp/",
        "/healthz/x",
        "/.well-known/x",
    ] {
        for query in ["", "?access_token=", "?token="] {
            let uri = if query.is_empty() || uri.contains('?') {
                uri.to_owned()
            } else {
                format!("{uri}{query}{ALICE}")
            };
            let response = app.send(bare(&uri, &[("host", "localhost")])).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{uri}");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer", "{uri}");
        }
    }
    for uri in ["/healthz", "/readyz"] {
        assert_eq!(
            app.send(bare(uri, &[("host", "10.1.2.3:8000")])).await.status(),
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn wrong_and_malformed_tokens_are_told_apart() {
    let app = app(&[]);
    let ask = async |values: &[&str]| {
        let mut headers = vec![("host", "localhost")];
        headers.extend(values.iter().map(|v| ("authorization", *v)));
        let response = app.send(bare("/mcp", &headers)).await;
        let challenge = response.headers()[header::WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .to_owned();
        (response.status().as_u16(), challenge, text(response).await)
    };
    let (status, challenge, _) = ask(&["Bearer 00000000000000000000000000000000"]).await;
    assert!(
        status == 401 && challenge.contains(r#"error="invalid_token""#),
        "{status} {challenge}"
    );
    let (status, challenge, _) = ask(&["Bearer"]).await;
    assert!(
        status == 400 && challenge.contains(r#"error="invalid_request""#),
        "{status} {challenge}"
    );
    let (status, _, body) = ask(&[&format!("Bearer {ALICE}"), "Bearer x"]).await;
    assert!(status == 400 && !body.contains(ALICE), "{status} {body}");
}

#[tokio::test]
async fn unknown_routes_name_the_real_ones_and_wrong_methods_the_right_ones() {
    let app = app(&[]);
    let response = app
        .send(request(Method::GET, "/nowhere", ALICE).body(Body::empty()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text(response).await.contains("/mcp"));
    let routes = [
        ("/mcp", Method::PUT, "GET, POST, DELETE"),
        ("/sse", Method::HEAD, "GET"),
        ("/messages", Method::GET, "POST"),
    ];
    for (uri, method, allow) in routes {
        let response = app.send(request(method, uri, ALICE).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{uri}");
        assert_eq!(response.headers()[header::ALLOW], allow, "{uri}");
    }
}
