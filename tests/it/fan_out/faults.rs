//! Accounts that fail, each in its own way, and what that costs the others.

use serde_json::json;

use crate::support::{
    stub::{Behaviour, Stub},
    text,
    world::BOB,
};

use super::{codes, hundred, id, over, places, results, small};

/// How long a target may take here: long for whoever answers, short for a test.
const PATIENCE: &str = "2s";

#[tokio::test]
async fn accounts_that_fail_differently_are_told_apart_in_one_answer() {
    let (stub, world) = small(&[]).await;
    stub.set(&id(0), Behaviour::Breaks);
    stub.set(&id(1), Behaviour::Denies);
    stub.set(&id(2), Behaviour::Throttles);
    stub.set(&id(3), Behaviour::Refuses);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    let expected = ["unreachable", "access_denied", "throttled", "credentials", "ok", "ok"];
    assert_eq!(codes(&body), expected);
    assert_eq!(body["success"], json!(true), "a part is an answer: {body}");
    let errors = json!({ "unreachable": 1, "access_denied": 1, "throttled": 1, "credentials": 1 });
    let summary = json!({ "targets": 6, "ok": 2, "failed": 4, "errors": errors });
    assert_eq!(body["summary"], summary);
    for (at, hint, retryable) in [
        (0, "AWS_ENDPOINT_URL", true),
        (1, "do not allow secretsmanager:ListSecrets", false),
        (2, "call again in a few seconds", true),
        (3, "trust policy", false),
    ] {
        let result = &results(&body)[at];
        assert!(text(&result["error"], "hint").contains(hint), "{result}");
        assert_eq!(result["error"]["retryable"], json!(retryable), "{result}");
        // Who was signed in is told, also where it was for nothing.
        assert_eq!(result.get("receipt").is_some(), at != 3, "{result}");
        let account = text(&result["error"], "hint").contains(&id(at));
        assert!(account || at == 0 || at == 2, "{result}");
    }
}

#[tokio::test]
async fn a_failure_of_all_is_an_error_with_the_words_of_the_commonest() {
    let (stub, world) = small(&[]).await;
    stub.all(Behaviour::Throttles);
    stub.set(&id(0), Behaviour::Denies);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(body["success"], json!(false));
    let error = &body["error"];
    assert_eq!(error["code"], json!("throttled"));
    assert!(text(error, "message").contains("all 6 targets failed"), "{error}");
    assert!(text(error, "message").contains("Rate exceeded"), "{error}");
    assert!(text(error, "hint").contains("call again"), "{error}");
    assert_eq!(
        error["retryable"],
        json!(false),
        "one of them can't be mended by patience"
    );
    assert_eq!(results(&body).len(), 6);
    let arguments = json!({ "accounts": ["environment:staging"] });
    let body = world.call("list_secrets", arguments).await;
    assert_eq!(body["error"]["retryable"], json!(true), "{body}");
}

#[tokio::test]
async fn a_failure_of_all_has_its_words_even_where_the_answer_is_cut_before_them() {
    let (stub, world) = hundred(&["--max-result-bytes", "8192", "--assume-role-rate", "off"]).await;
    stub.all(Behaviour::Denies);
    for at in 0..40 {
        stub.set(&id(at), Behaviour::Throttles);
    }
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert!(codes(&body).iter().all(|code| *code == "throttled"), "{body}");
    assert_eq!(body["error"]["code"], json!("access_denied"));
    assert!(text(&body["error"], "message").contains("not authorized"), "{body}");
    assert_eq!(body["error"]["retryable"], json!(false));
}

#[tokio::test]
async fn an_account_that_hangs_costs_its_own_deadline_and_nobody_elses_answer() {
    let (stub, world) = small(&["--target-timeout", PATIENCE]).await;
    stub.set(&id(2), Behaviour::Hangs);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(codes(&body), ["ok", "ok", "timeout", "ok", "ok", "ok"]);
    let error = &body["results"][2]["error"];
    assert!(text(error, "message").contains("within 2s"), "{error}");
    assert!(text(error, "hint").contains("TARGET_TIMEOUT"), "{error}");
    assert_eq!(body["results"][2]["receipt"]["account_id"], json!(id(2)));
    // Its request was given up, not left behind.
    stub.until(|c| c.abandoned == 1).await;
}

#[tokio::test]
async fn the_calls_deadline_leaves_the_answers_that_were_there() {
    let (stub, world) = small(&["--tool-timeout", PATIENCE, "--target-timeout", "off"]).await;
    stub.set(&id(1), Behaviour::Hangs);
    stub.set(&id(4), Behaviour::Hangs);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(codes(&body), ["ok", "timeout", "ok", "ok", "timeout", "ok"]);
    assert_eq!(places(&body)[1], "beta/us-east-1");
    assert_eq!(places(&body)[4], "epsilon/eu-central-1");
    assert_eq!(body["success"], json!(true));
    assert_eq!(body["summary"]["errors"], json!({ "timeout": 2 }));
    stub.until(|c| c.abandoned == 2).await;
}

#[tokio::test]
async fn a_late_target_is_told_under_its_own_name() {
    let stub = Stub::new().await;
    stub.all(Behaviour::Hangs);
    let registry = json!([{ "name": "shop/live", "id": id(0) }]);
    let world = over(&stub, &registry, &["--tool-timeout", "1s", "--target-timeout", "off"]);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(
        (codes(&body), places(&body)),
        (vec!["timeout"], vec!["shop/live/us-east-1".to_owned()])
    );
    assert_eq!(body["results"][0]["account"], json!("shop/live"));
    // And where no account was named, none is made up.
    let arguments = json!({ "regions": ["eu-west-1"] });
    let body = world.call("list_secrets", arguments).await;
    assert_eq!(codes(&body), ["timeout"]);
    assert!(body["results"][0].get("account").is_none(), "{body}");
}

#[tokio::test]
async fn a_deadline_keeps_those_from_being_asked_whose_turn_had_not_come() {
    let flags = [
        "--tool-timeout",
        "1s",
        "--target-timeout",
        "off",
        "--fan-out-parallelism",
        "1",
    ];
    let (stub, world) = small(&flags).await;
    stub.all(Behaviour::Hangs);
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(codes(&body), ["timeout"; 6]);
    assert_eq!(body["error"]["code"], json!("timeout"));
    stub.until(|c| c.abandoned == 1).await;
    assert_eq!(stub.seen("ListSecrets").len(), 1);
}

#[tokio::test]
async fn a_dead_account_among_a_hundred_costs_its_deadline_five_times_and_then_nothing() {
    let flags = [
        "--target-timeout",
        "200ms",
        "--assume-role-rate",
        "off",
        "--target-pause",
        "1h",
    ];
    let (stub, world) = hundred(&flags).await;
    stub.set(&id(99), Behaviour::Hangs);
    let asked = || stub.seen("ListSecrets").iter().filter(|s| s.account == id(99)).count();
    let everywhere = || world.call("list_secrets", json!({ "accounts": ["all"] }));
    // The others' first calls sign in, which may take longer than the deadline here.
    while stub.seen("ListSecrets").len() < 5 * 99 || asked() < 5 {
        everywhere().await;
    }
    assert_eq!(asked(), 5);
    let body = everywhere().await;
    assert_eq!(asked(), 5, "it is left alone");
    let dead = &results(&body)[99];
    assert_eq!(dead["error"]["code"], json!("unreachable"));
    assert_eq!(dead["error"]["retryable"], json!(true));
    let hint = text(&dead["error"], "hint");
    assert!(
        hint.contains("Nothing was sent") && hint.contains("no answer within 200ms"),
        "{hint}"
    );
    // It is this region of this account that rests, for this caller.
    let here = json!({ "accounts": ["a99"] });
    let elsewhere = json!({ "accounts": ["a99"], "regions": ["eu-west-1"] });
    assert_eq!(codes(&world.call("list_secrets", elsewhere).await), ["timeout"]);
    let others = world.call_as(BOB, "list_secrets", here.clone()).await;
    assert_eq!(codes(&others), ["timeout"]);
    assert_eq!(codes(&world.call("list_secrets", here).await), ["unreachable"]);
}
