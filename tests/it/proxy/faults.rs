//! What goes wrong is told in words that help, and the next request is none the worse for it.

use std::time::Duration;

use serde_json::json;

use super::talk::{Setting, Talk, text_of};
use crate::support::upstream::{Caller, Fault};

const SCRIPT: &str = "aws___run_script";

/// A failing call's text; the call after it must succeed.
async fn said(talk: &mut Talk, fault: Fault) -> String {
    talk.upstream.fail_on("tools/call", fault, 1);
    let answer = talk.call(SCRIPT, json!({ "code": "1" })).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    talk.upstream.recover();
    let healed = talk.seen(json!({ "code": "1" })).await;
    assert_eq!(healed["account"], "111111111111", "after {fault:?}");
    text_of(&answer)
}

#[tokio::test]
async fn every_fault_says_what_it_is_and_is_over_with_the_next_call() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let credentials = "Tool call 'aws___run_script' failed due to expired or invalid AWS credentials. Please refresh your credentials \
                       and retry. The proxy will automatically use the new credentials on the next request. (HTTP ";
    for (fault, begins, says) in [
        (Fault::Unauthorized, credentials, "401 from 127.0.0.1"),
        (Fault::Denied, credentials, "is not authorized to perform this action"),
        (
            Fault::Throttled,
            "Tool call 'aws___run_script' failed: ",
            "HTTP 429 from 127.0.0.1: Rate exceeded. The endpoint throttles",
        ),
        (Fault::Unavailable, "Tool call 'aws___run_script' failed: ", "HTTP 503"),
        (
            Fault::Html,
            "Tool call 'aws___run_script' failed: ",
            "HTTP 502 from 127.0.0.1: <html>",
        ),
        (
            Fault::Redirect,
            "Tool call 'aws___run_script' failed: ",
            "follow no redirect: use that URL as the endpoint",
        ),
        (
            Fault::Invalid,
            "Tool call 'aws___run_script' failed: ",
            "1 validation error detected",
        ),
        (
            Fault::Oversized,
            "Tool call 'aws___run_script' failed: ",
            "more than 16777216 bytes",
        ),
        (Fault::Truncated, "Tool call 'aws___run_script' failed: ", "broke off"),
        (Fault::Junk, "Tool call 'aws___run_script' failed: ", ""),
    ] {
        let said = said(&mut talk, fault).await;
        assert!(said.starts_with(begins) && said.contains(says), "{fault:?}: {said}");
        if !begins.contains("credentials") {
            assert!(said.ends_with(". Please retry."), "{said}");
        }
    }
    assert_eq!(talk.upstream.redirected(), 0);
}

#[tokio::test]
async fn a_session_that_the_endpoint_lost_is_begun_anew_without_a_word() {
    let mut talk = Talk::legacy(Setting::default()).await;
    for fault in [Fault::SessionGone, Fault::SessionLost] {
        let before = talk.seen(json!({ "code": "1" })).await;
        talk.upstream.fail_on("tools/call", fault, 1);
        let after = talk.seen(json!({ "code": "1" })).await;
        assert_ne!(before["session_id"], after["session_id"], "{fault:?}");
    }
    talk.upstream.lose_sessions().await;
    assert_eq!(talk.seen(json!({ "code": "1" })).await["account"], "111111111111");
}

#[tokio::test]
async fn a_call_that_hangs_ends_with_the_time_it_has() {
    let mut setting = Setting::default();
    setting.options.tool_timeout = Some(Duration::from_millis(300));
    let mut talk = Talk::legacy(setting).await;
    let hangs = said(&mut talk, Fault::Hang).await;
    assert_eq!(
        hangs,
        "Tool call 'aws___run_script' failed: no answer within 0.3 s (--tool-timeout). Please retry."
    );
    let mut talk = Talk::legacy(Setting {
        read_timeout: Duration::from_millis(300),
        ..Setting::default()
    })
    .await;
    let silent = said(&mut talk, Fault::Hang).await;
    assert!(
        silent.contains("did not answer within 0.3 s. --read-timeout says how long"),
        "{silent}"
    );
}

#[tokio::test]
async fn new_keys_are_used_with_the_next_request() {
    let mut talk = Talk::legacy(Setting::default()).await;
    talk.wallet.lock().unwrap().clear();
    let without = talk.text(SCRIPT, json!({ "code": "1" })).await;
    assert!(
        without.contains("expired or invalid AWS credentials") && without.contains("No AWS credentials"),
        "{without}"
    );
    talk.wallet.lock().unwrap().push(("alpha", Caller::of("222222222222")));
    assert_eq!(talk.seen(json!({ "code": "1" })).await["account"], "222222222222");
}

#[tokio::test]
async fn keys_that_aws_calls_expired_are_asked_for_anew_once() {
    let mut talk = Talk::legacy(Setting::default()).await;
    talk.upstream.fail_on("tools/call", Fault::Expired, 1);
    assert_eq!(
        talk.seen(json!({ "code": "1" })).await["account"],
        "111111111111",
        "healed at once"
    );
    talk.upstream.fail_on("tools/call", Fault::Expired, 2);
    let twice = talk.text(SCRIPT, json!({ "code": "1" })).await;
    assert!(twice.contains("expired or invalid AWS credentials"), "{twice}");
}

#[tokio::test]
async fn a_failed_initialize_can_be_tried_again() {
    let mut talk = Talk::start(Setting::default()).await;
    talk.wallet.lock().unwrap().clear();
    let refused = talk.initialize().await;
    assert_eq!(refused["error"]["code"], -32603);
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("No AWS credentials available."),
        "{refused}"
    );
    let still = talk.ask("tools/list", json!({})).await;
    assert!(
        still["error"]["message"]
            .as_str()
            .unwrap()
            .contains("No AWS credentials"),
        "{still}"
    );
    talk.wallet.lock().unwrap().push(("alpha", Caller::of("111111111111")));
    let welcome = talk.initialize().await;
    assert_eq!(welcome["result"]["protocolVersion"], "2025-11-25", "{welcome}");
    assert_eq!(talk.seen(json!({ "code": "1" })).await["account"], "111111111111");
}

#[tokio::test]
async fn a_client_that_does_not_try_again_is_served_once_it_works() {
    let mut talk = Talk::start(Setting::default()).await;
    talk.upstream.fail_on("initialize", Fault::Unavailable, 1);
    assert!(talk.initialize().await["error"].is_object());
    let listed = talk.ask("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].is_array(), "{listed}");
}

#[tokio::test]
async fn clients_that_show_no_error_of_initialize_get_it_with_the_list() {
    let mut talk = Talk::start(Setting::default()).await;
    talk.upstream.fail(Fault::Denied, 2);
    let client = json!({ "name": "Kiro CLI", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    let welcome = talk.ask("initialize", params).await;
    assert!(welcome["result"]["capabilities"]["tools"].is_object(), "{welcome}");
    let listed = talk.ask("tools/list", json!({})).await;
    assert!(
        listed["error"]["message"].as_str().unwrap().contains("not authorized"),
        "{listed}"
    );
}

#[tokio::test]
async fn a_wrong_endpoint_says_what_to_check() {
    let closed = async |url: &str| {
        let mut talk = Talk::start(Setting {
            url: Some(url.to_owned()),
            ..Setting::default()
        })
        .await;
        talk.initialize().await["error"]["message"].as_str().unwrap().to_owned()
    };
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = closed(&format!("http://{free}/mcp")).await;
    assert!(
        refused.contains("can't connect to 127.0.0.1") && refused.contains("Check the endpoint"),
        "{refused}"
    );
    let unknown = closed("https://nobody.invalid/mcp").await;
    assert!(unknown.contains("can't connect to nobody.invalid"), "{unknown}");
}

#[tokio::test]
async fn plain_http_behind_https_is_a_matter_of_trust() {
    let mut talk = Talk::start(Setting::default()).await;
    let url = talk.upstream.url().replace("http://", "https://");
    let mut other = Talk::start(Setting {
        url: Some(url),
        ..Setting::default()
    })
    .await;
    let said = other.initialize().await["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        said.contains("AWS_CA_BUNDLE") || said.contains("can't connect"),
        "{said}"
    );
    assert!(talk.initialize().await["result"].is_object());
}

#[tokio::test]
async fn another_service_or_region_than_the_endpoints_is_named() {
    let mut setting = Setting::default();
    setting.upstream.region = "eu-west-1".to_owned();
    let mut talk = Talk::start(setting).await;
    let said = talk.initialize().await["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        said.starts_with("HTTP 403 from 127.0.0.1: ") && said.ends_with("set --region and --service"),
        "{said}"
    );
}

#[tokio::test]
async fn a_path_that_is_none_says_so() {
    let talk = Talk::start(Setting::default()).await;
    let url = format!("{}/elsewhere", talk.upstream.base());
    let mut talk = Talk::start(Setting {
        url: Some(url),
        ..Setting::default()
    })
    .await;
    let said = talk.initialize().await["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.contains("404"), "{said}");
}
