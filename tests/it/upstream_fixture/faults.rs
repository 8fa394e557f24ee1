use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use super::{script, started};
use crate::support::{signed::message, upstream::Fault};

#[tokio::test]
async fn each_fault_looks_as_it_should_and_ends() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    for (fault, status, part) in [
        (Fault::Throttled, 429, "Rate exceeded"),
        (Fault::Unavailable, 503, "Service Unavailable"),
        (Fault::EndedStream, 200, ": nothing"),
        (Fault::Unauthorized, 401, ""),
        (Fault::Expired, 403, "is expired"),
        (Fault::Unrecognized, 403, "is invalid"),
        (Fault::Denied, 403, "not authorized"),
        (Fault::Html, 502, "<html>"),
        (Fault::Junk, 200, "oops"),
        (Fault::Empty, 200, ""),
        (Fault::Invalid, 400, "validation"),
        (Fault::NotFound, 404, "No endpoint"),
        (Fault::RuntimeError, 424, "from runtime"),
    ] {
        upstream.fail(fault, 2);
        for _ in 0..2 {
            let read = client.modern(&url, "tools/list", json!({})).await;
            assert_eq!(read.status.as_u16(), status, "{fault:?}");
            assert!(read.text.contains(part), "{fault:?}: {}", read.text);
            assert!(!read.text.contains("\"tools\""), "{fault:?}");
        }
        let read = client.modern(&url, "tools/list", json!({})).await;
        assert!(read.answer()["result"]["tools"].is_array(), "{fault:?}: {read:?}");
    }
}

#[tokio::test]
async fn bodies_break_off_never_come_or_are_too_large() {
    let (upstream, client) = started(|_| {}).await;
    let call = || {
        client.request(
            Method::POST,
            &upstream.url(),
            &[],
            &message("tools/list", json!({})).to_string(),
        )
    };
    for (fault, kind, length) in [
        (Fault::Truncated, "application/json", Some("4096")),
        (Fault::TruncatedStream, "text/event-stream", None),
    ] {
        upstream.fail(fault, 2);
        let head = client.open(call()).await;
        assert_eq!(
            (head.status(), &head.headers()["content-type"]),
            (StatusCode::OK, &kind.parse().unwrap())
        );
        assert_eq!(
            head.headers().get("content-length").map(|l| l.to_str().unwrap()),
            length
        );
        assert!(client.try_send(call()).await.is_none(), "{fault:?}");
    }
    upstream.fail(Fault::Oversized, 1);
    assert!(client.send(call()).await.text.len() > 64 << 20);
    upstream.fail(Fault::Hang, 1);
    let hung = tokio::time::timeout(Duration::from_millis(50), client.open(call())).await;
    assert!(hung.is_err());
    assert_eq!(upstream.requests().last().unwrap().status, None);
}

#[tokio::test]
async fn a_redirect_leads_to_another_origin_that_notices_who_comes() {
    let (upstream, client) = started(|_| {}).await;
    upstream.fail(Fault::Redirect, 1);
    let read = client.modern(&upstream.url(), "tools/list", json!({})).await;
    assert_eq!(read.status, StatusCode::TEMPORARY_REDIRECT);
    let target = read.header("location").to_owned();
    assert!(!target.starts_with(upstream.base()) && upstream.redirected() == 0);
    client.post(&target, &[], &json!({})).await;
    assert_eq!(upstream.redirected(), 1);
}

#[tokio::test]
async fn a_session_is_lost_in_either_way() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    let list = message("tools/list", json!({}));
    for fault in [Fault::SessionGone, Fault::SessionLost] {
        let session = client.initialize(&url).await;
        upstream.fail(fault, 1);
        let stateless = client.modern(&url, "tools/list", json!({})).await;
        assert!(
            stateless.answer()["result"].is_object(),
            "no session to lose: {stateless:?}"
        );
        let lost = client.in_session(&url, &session, &list).await;
        if fault == Fault::SessionGone {
            assert_eq!(lost.status, StatusCode::NOT_FOUND);
        } else {
            let error = json!({ "code": -30001, "message": "Session not found or expired" });
            assert_eq!(
                (lost.status, lost.answer()),
                (StatusCode::OK, json!({ "jsonrpc": "2.0", "id": 7, "error": error }))
            );
        }
        let after = client.in_session(&url, &session, &list).await;
        assert_eq!((after.status, upstream.session_count()), (StatusCode::NOT_FOUND, 0));
    }
}

#[tokio::test]
async fn a_fault_waits_for_its_kind_of_request() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    let session = client.initialize(&url).await;
    let get = || client.request(Method::GET, &url, &[("mcp-session-id", &session)], "");
    upstream.fail_on("tools/call", Fault::Throttled, 1);
    upstream.fail_on("GET", Fault::Unavailable, 1);
    assert_eq!(
        client.modern(&url, "tools/list", json!({})).await.status,
        StatusCode::OK
    );
    assert_eq!(client.open(get()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.open(get()).await.status(), StatusCode::OK);
    let throttled = client.modern(&url, "tools/call", script()).await;
    assert_eq!((throttled.status.as_u16(), throttled.header("retry-after")), (429, "1"));
    upstream.fail(Fault::Unavailable, 5);
    assert_eq!(
        client.open(get()).await.status(),
        StatusCode::OK,
        "streams fail only when they are named"
    );
    upstream.recover();
    assert_eq!(client.modern(&url, "tools/call", script()).await.status, StatusCode::OK);
}
