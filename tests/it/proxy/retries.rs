//! What is sent again, and what never is.

use std::time::Duration;

use serde_json::json;

use super::talk::{Setting, Talk};
use crate::support::upstream::Fault;

async fn retrying(retries: u32) -> Talk {
    let mut setting = Setting::default();
    setting.options.retries = retries;
    setting.options.backoff = Duration::from_millis(1);
    let mut talk = Talk::legacy(setting).await;
    // From here on it is known what each tool says of itself.
    talk.ask("tools/list", json!({})).await;
    talk.upstream.clear();
    talk
}

#[tokio::test]
async fn reads_are_sent_again_as_often_as_asked_for() {
    let mut talk = retrying(2).await;
    talk.upstream.fail_on("tools/call", Fault::Unavailable, 2);
    assert!(talk.text("aws___list_regions", json!({})).await.contains("eu-west-1"));
    assert_eq!(talk.asked("tools/call"), 3);
    talk.upstream.fail_on("tools/call", Fault::Html, 3);
    assert!(talk.text("aws___list_regions", json!({})).await.contains("HTTP 502"));
    assert_eq!(talk.asked("tools/call"), 6);
    talk.upstream.fail_on("resources/read", Fault::Unavailable, 1);
    let read = talk.ask("resources/read", json!({ "uri": "upstream://welcome" })).await;
    assert_eq!(read["result"]["contents"][0]["text"], "Welcome.");
}

#[tokio::test]
async fn without_retries_nothing_is() {
    let mut talk = retrying(0).await;
    talk.upstream.fail_on("tools/call", Fault::Unavailable, 1);
    assert!(talk.text("aws___list_regions", json!({})).await.contains("HTTP 503"));
    assert_eq!(talk.asked("tools/call"), 1);
}

#[tokio::test]
async fn a_change_whose_outcome_is_unknown_is_never_sent_again() {
    let mut talk = retrying(3).await;
    for fault in [Fault::Unavailable, Fault::Html, Fault::Truncated] {
        talk.upstream.clear();
        talk.upstream.fail_on("tools/call", fault, 1);
        let answer = talk.call("aws___run_script", json!({ "code": "1" })).await;
        assert_eq!(answer["result"]["isError"], true, "{fault:?}");
        assert_eq!(talk.asked("tools/call"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_change_that_was_throttled_did_not_happen_and_is_sent_again() {
    let mut talk = retrying(1).await;
    talk.upstream.fail_on("tools/call", Fault::Throttled, 1);
    assert_eq!(talk.seen(json!({ "code": "1" })).await["account"], "111111111111");
    assert_eq!(talk.asked("tools/call"), 2);
}

#[tokio::test]
async fn connecting_is_tried_again_too() {
    let mut setting = Setting::default();
    setting.options.retries = 1;
    setting.options.backoff = Duration::from_millis(1);
    let mut talk = Talk::start(setting).await;
    talk.upstream.fail_on("initialize", Fault::Unavailable, 2);
    assert!(
        talk.initialize().await["error"].is_object(),
        "initialize itself is the client's to try again"
    );
    let listed = talk.ask("tools/list", json!({})).await;
    assert!(listed["result"].is_object(), "{listed}");
}
