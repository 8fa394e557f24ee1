use http::{Method, StatusCode};
use serde_json::json;

use super::{role, script, seen, started, user};
use crate::support::{
    signed::{Signed, message},
    upstream::Era,
};

#[tokio::test]
async fn a_request_of_2026_07_28_is_answered_without_a_session() {
    for era in [Era::Modern, Era::Both] {
        let (upstream, client) = started(|o| o.era = era).await;
        let discovered = client.modern(&upstream.url(), "server/discover", json!({})).await;
        let result = &discovered.answer()["result"];
        let versions = result["supportedVersions"].as_array().unwrap();
        assert!(versions.contains(&json!("2026-07-28")), "{result}");
        assert_eq!(versions.contains(&json!("2025-11-25")), era == Era::Both, "{result}");

        let mut params = script();
        params["_meta"] = json!({ "AWS_REGION": "eu-west-1" });
        let called = client.modern(&upstream.url(), "tools/call", params).await;
        let seen = seen(&called);
        assert_eq!(seen["_meta"]["AWS_REGION"], "eu-west-1");
        assert_eq!(seen["access_key"], json!(user().access_key));
        assert_eq!(
            (&seen["service"], &seen["region"]),
            (&json!("aws-mcp"), &json!("us-east-1"))
        );
        assert_eq!(seen["protocol_version"], "2026-07-28");
        assert_eq!((&seen["session_id"], upstream.session_count()), (&json!(null), 0));
    }
}

#[tokio::test]
async fn only_the_modern_era_refuses_sessions() {
    let (upstream, client) = started(|o| o.era = Era::Modern).await;
    let refused = client.try_initialize(&upstream.url()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let error = &refused.answer()["error"];
    assert_eq!(error["data"]["supported"], json!(["2026-07-28"]), "{error}");
    for method in [Method::GET, Method::DELETE] {
        let refused = client.send(client.request(method, &upstream.url(), &[], "")).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let bare = client
        .post(&upstream.url(), &[], &message("tools/list", json!({})))
        .await;
    assert_eq!(bare.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_legacy_session_lives_from_initialize_to_delete_and_is_its_principals_own() {
    for era in [Era::Legacy, Era::Both] {
        let (upstream, client) = started(|o| o.era = era).await;
        let url = upstream.url();
        let session = client.initialize(&url).await;
        let called = client
            .in_session(&url, &session, &message("tools/call", script()))
            .await;
        let seen = seen(&called);
        assert_eq!(seen["session_id"], json!(session));
        assert_eq!(seen["protocol_version"], "2025-11-25");

        let delete = |client: &Signed| client.request(Method::DELETE, &url, &[("mcp-session-id", &session)], "");
        let stranger = Signed::new(role());
        assert_eq!(stranger.send(delete(&stranger)).await.status, StatusCode::NOT_FOUND);
        assert_eq!(upstream.session_count(), 1);
        assert_eq!(client.send(delete(&client)).await.status, StatusCode::ACCEPTED);
        assert_eq!(upstream.session_count(), 0);
        let list = message("tools/list", json!({}));
        let gone = client.in_session(&url, &session, &list).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND);

        let session = client.initialize(&url).await;
        upstream.lose_sessions().await;
        assert_eq!(
            client.in_session(&url, &session, &list).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn old_servers_answer_discover_with_an_error() {
    let (upstream, client) = started(|o| o.era = Era::Legacy).await;
    let refused = client.modern(&upstream.url(), "server/discover", json!({})).await;
    assert_eq!(
        (refused.status, &refused.answer()["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(-32600))
    );
    // Nor anything else that comes without a session.
    let list = message("tools/list", json!({}));
    let refused = client.post(&upstream.url(), &[], &list).await;
    assert_eq!(
        refused.answer()["error"]["message"],
        "Bad Request: Missing session ID",
        "{refused:?}"
    );
    let (upstream, client) = started(|o| o.era = Era::LegacyRpc).await;
    let refused = client.modern(&upstream.url(), "server/discover", json!({})).await;
    assert_eq!(
        (refused.status, &refused.answer()["error"]["code"]),
        (StatusCode::OK, &json!(-32601))
    );
    // A session doesn't make them speak what they don't know.
    let session = client.initialize(&upstream.url()).await;
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
    ];
    let refused = client.post(&upstream.url(), &headers, &list).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
