//! How many targets are asked at once, and what is asked of STS.

use serde_json::json;

use crate::support::stub::Behaviour;

use super::{codes, hundred, results, small};

#[tokio::test]
async fn no_more_targets_are_asked_at_once_than_the_limit_says() {
    let (stub, world) = hundred(&["--fan-out-parallelism", "7", "--assume-role-rate", "off"]).await;
    // The limit is reached, or the first seven would wait for ever.
    stub.all(Behaviour::Meets(7));
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(body["summary"], json!({ "targets": 100, "ok": 100, "failed": 0 }));
    assert_eq!((stub.count().come, stub.count().most), (100, 7));
}

#[tokio::test]
async fn a_hundred_accounts_are_asked_sixty_four_at_once_and_answered_in_order() {
    let (stub, world) = hundred(&["--assume-role-rate", "off"]).await;
    stub.all(Behaviour::Meets(64));
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(codes(&body), ["ok"; 100]);
    let names: Vec<String> = results(&body)
        .iter()
        .map(|r| r["account"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, (0..100).map(|at| format!("a{at:02}")).collect::<Vec<_>>());
    assert_eq!((stub.count().come, stub.count().most), (100, 64));
}

#[tokio::test]
async fn without_a_limit_all_are_asked_at_once() {
    let (stub, world) = hundred(&["--fan-out-parallelism", "off", "--assume-role-rate", "off"]).await;
    stub.all(Behaviour::Meets(100));
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(body["summary"]["ok"], json!(100));
    assert_eq!(stub.count().most, 100);
}

#[tokio::test]
async fn a_repeated_call_asks_sts_nothing_and_neither_do_more_regions() {
    let (stub, world) = hundred(&["--assume-role-rate", "off"]).await;
    world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(stub.seen("AssumeRole").len(), 100);
    for arguments in [
        json!({ "accounts": ["all"] }),
        json!({ "accounts": ["all"], "regions": ["eu-west-1", "eu-west-2"] }),
    ] {
        let body = world.call("list_secrets", arguments).await;
        assert_eq!(body["summary"]["failed"], json!(0));
    }
    assert_eq!(stub.seen("AssumeRole").len(), 100);
    assert_eq!(stub.seen("ListSecrets").len(), 400);
    assert_eq!(stub.total(), 500, "nothing else is asked");
}

#[tokio::test]
async fn many_regions_of_one_account_open_one_session() {
    let (stub, world) = small(&[]).await;
    let arguments = json!({ "accounts": ["zeta"], "regions": ["all"] });
    let body = world.call("list_secrets", arguments).await;
    assert_eq!(body["summary"]["ok"], json!(17));
    assert_eq!(stub.seen("AssumeRole").len(), 1);
}
