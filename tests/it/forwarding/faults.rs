//! What goes wrong on the way: each has its error, its end, and a next call that works.

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{asked, forwarding, script, tools};
use crate::support::upstream::Fault;

fn error(body: &Value) -> (&str, String, &str) {
    let text = |key: &str| body["error"][key].as_str().unwrap_or_default();
    (text("code"), text("message").to_owned(), text("hint"))
}

#[tokio::test]
async fn whatever_the_server_does_the_call_ends_and_the_next_one_works() {
    let Some((world, upstream)) = forwarding(&["--aws-mcp-timeout", "1s"]).await else {
        return;
    };
    tools(&world).await;
    let place = || json!({ "account": "production" });
    for (fault, code, says) in [
        (Fault::Hang, "timeout", "within 1s"),
        (Fault::HangStream, "timeout", "within 1s"),
        (Fault::Truncated, "unreachable", "broke off"),
        (Fault::TruncatedStream, "unreachable", "lost before it answered"),
        (Fault::EndedStream, "unreachable", "lost before it answered"),
        (Fault::Redirect, "unreachable", "follow no redirect"),
        (Fault::Html, "unreachable", "HTTP 502"),
        (Fault::Oversized, "unreachable", "more than 16777216 bytes"),
        (Fault::Junk, "unreachable", "lost before it answered"),
        (Fault::Empty, "unreachable", "lost before it answered"),
        (Fault::Unauthorized, "access_denied", "HTTP 401"),
        (Fault::Denied, "access_denied", "HTTP 403"),
        (Fault::Invalid, "aws", "HTTP 400"),
    ] {
        upstream.fail_on("tools/call", fault, 1);
        let body = script(&world, place()).await;
        let (got, message, hint) = error(&body);
        assert!(got == code && message.contains(says), "{fault:?}: {body}");
        let unknown = matches!(code, "timeout" | "unreachable") && !matches!(fault, Fault::Redirect);
        assert!(!unknown || hint.contains("outcome is unknown"), "{fault:?}: {body}");
        assert!(!hint.is_empty(), "{fault:?}: {body}");
        let next = script(&world, place()).await;
        assert_eq!(next["success"], json!(true), "after {fault:?}: {next}");
    }
    assert_eq!(upstream.redirected(), 0, "a signed request goes to nobody else");
}

#[tokio::test]
async fn what_only_reads_is_asked_again_and_what_may_have_been_done_is_not() {
    let Some((world, upstream)) = forwarding(&[]).await else {
        return;
    };
    tools(&world).await;
    let place = || json!({ "account": "production" });
    for fault in [Fault::Unavailable, Fault::TruncatedStream] {
        upstream.fail_on("tools/call", fault, 2);
        let body = world.call("aws___list_regions", place()).await;
        assert_eq!(body["success"], json!(true), "{fault:?}: {body}");
        upstream.clear();
        upstream.fail_on("tools/call", fault, 1);
        let body = script(&world, place()).await;
        assert_eq!(body["success"], json!(false), "{fault:?}: {body}");
        assert_eq!(asked(&upstream, "tools/call"), 1, "{fault:?}");
    }
    // Who is throttled has done nothing.
    upstream.clear();
    upstream.fail_on("tools/call", Fault::Throttled, 1);
    let body = script(&world, place()).await;
    assert_eq!(body["success"], json!(true), "{body}");
    assert_eq!(asked(&upstream, "tools/call"), 2);
    upstream.clear();
    upstream.fail_on("tools/call", Fault::Throttled, 9);
    let body = script(&world, place()).await;
    let (code, _, hint) = error(&body);
    assert_eq!(code, "throttled");
    assert!(hint.contains("3 requests a second"), "{hint}");
    assert_eq!(asked(&upstream, "tools/call"), 3);
}

#[tokio::test]
async fn a_queue_that_is_too_long_is_said_at_once() {
    let Some((world, _upstream)) = forwarding(&["--aws-mcp-rate", "1"]).await else {
        return;
    };
    tools(&world).await;
    let mut calls: FuturesUnordered<_> = (0..40)
        .map(|_| script(&world, json!({ "account": "production" })))
        .collect();
    // Those with a turn are still waiting for it.
    let refused = loop {
        let body = calls.next().await.unwrap();
        if body["success"] == json!(false) {
            break body;
        }
    };
    let (code, message, _) = error(&refused);
    assert_eq!(code, "throttled");
    assert!(message.contains("requests of this account"), "{message}");
}
