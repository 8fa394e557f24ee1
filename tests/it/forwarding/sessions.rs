//! One client for each identity, which lasts, in the server's era, and comes back when its session is lost.

use serde_json::{Value, json};

use super::{asked, forwarding, script, tools};
use crate::support::{
    upstream::{Era, Fault, Options},
    world::{BOB, World},
};

#[tokio::test]
async fn an_identity_keeps_its_session_and_shares_it_with_nobody() {
    let options = Options {
        era: Era::Legacy,
        ..Options::default()
    };
    let Some((world, upstream)) = World::forwarding(options, &[]).await else {
        return;
    };
    tools(&world).await;
    let before = upstream.session_count();
    let session = |body: &Value| {
        body["data"]["session_id"]
            .as_str()
            .unwrap_or_else(|| panic!("{body}"))
            .to_owned()
    };
    let first = session(&script(&world, json!({ "account": "production" })).await);
    let again = session(&script(&world, json!({ "account": "production", "region": "eu-west-1" })).await);
    assert_eq!(first, again);
    let staging = session(&script(&world, json!({ "account": "staging" })).await);
    let bob = world
        .call_as(BOB, "aws___run_script", json!({ "account": "production", "code": "1" }))
        .await;
    let reading = session(&script(&world, json!({ "account": "production", "read_only": true })).await);
    let mut all = vec![first, staging, session(&bob), reading];
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "another account, another caller, another policy");
    assert_eq!(upstream.session_count() - before, 4);
    let streams = upstream
        .requests()
        .iter()
        .filter(|r| r.method == http::Method::GET)
        .count();
    assert_eq!(streams, 0, "a stream would hold one of the account's 27 connections");
    world.server().close().await;
    assert_eq!(upstream.session_count(), 0, "AWS allows an account only so many");
    assert_eq!(
        asked(&upstream, "server/discover"),
        1,
        "an old server is asked once whether it is new"
    );
}

#[tokio::test]
async fn a_new_server_is_spoken_to_as_one() {
    let options = Options {
        era: Era::Modern,
        ..Options::default()
    };
    let Some((world, upstream)) = World::forwarding(options, &[]).await else {
        return;
    };
    let body = script(&world, json!({ "account": "production" })).await;
    assert_eq!(body["data"]["protocol_version"], json!("2026-07-28"), "{body}");
    assert_eq!(body["data"]["session_id"], Value::Null);
    assert_eq!(asked(&upstream, "initialize"), 0);
}

#[tokio::test]
async fn a_lost_session_is_begun_anew_and_the_call_made_once() {
    for fault in [Fault::SessionGone, Fault::SessionLost] {
        let options = Options {
            era: Era::Legacy,
            ..Options::default()
        };
        let Some((world, upstream)) = World::forwarding(options, &[]).await else {
            return;
        };
        let first = script(&world, json!({ "account": "production" })).await;
        upstream.fail_on("tools/call", fault, 1);
        let body = script(&world, json!({ "account": "production" })).await;
        assert_eq!(body["success"], json!(true), "{fault:?}: {body}");
        assert_ne!(body["data"]["session_id"], first["data"]["session_id"], "{fault:?}");
        assert_eq!(asked(&upstream, "tools/call"), 3, "{fault:?}: lost, and repeated once");
    }
}

#[tokio::test]
async fn keys_that_aws_no_longer_takes_are_renewed_once() {
    let Some((world, upstream)) = forwarding(&[]).await else {
        return;
    };
    let key = |body: &Value| {
        body["data"]["access_key"]
            .as_str()
            .unwrap_or_else(|| panic!("{body}"))
            .to_owned()
    };
    let first = key(&script(&world, json!({ "account": "production" })).await);
    upstream.expire(&first);
    let second = key(&script(&world, json!({ "account": "production" })).await);
    assert_ne!(first, second);
    assert_eq!(world.accounts().calls("sts", "AssumeRole"), 2);
}
