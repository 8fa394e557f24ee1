//! Answers that are larger than the limit, and how to go on from where they were cut.

use serde_json::{Value, json};

use crate::support::{stub::Behaviour, text};

use super::{codes, hundred, id, places, results, small};

/// Follows `next_targets` to the end.
async fn walk(world: &crate::support::world::World, mut arguments: Value) -> Vec<Value> {
    let mut answers = Vec::new();
    loop {
        let body = world.call("list_secrets", arguments.clone()).await;
        answers.push(body.clone());
        assert!(answers.len() < 200, "it goes on for ever");
        match body.get("next_targets") {
            Some(next) => arguments["targets_from"] = next.clone(),
            None => return answers,
        }
    }
}

#[tokio::test]
async fn following_the_cursor_visits_every_target_once_and_in_order() {
    let limit = 24_000;
    let (stub, world) = hundred(&["--max-result-bytes", &limit.to_string(), "--assume-role-rate", "off"]).await;
    stub.set(&id(50), Behaviour::Denies);
    let arguments = json!({ "accounts": ["all"], "regions": ["us-east-1", "eu-west-1"] });
    let answers = walk(&world, arguments).await;
    assert!(answers.len() > 3, "{} answers", answers.len());
    let expected: Vec<String> = (0..100)
        .flat_map(|at| ["us-east-1", "eu-west-1"].map(|region| format!("a{at:02}/{region}")))
        .collect();
    assert_eq!(answers.iter().flat_map(places).collect::<Vec<_>>(), expected);
    let mut left = 200;
    for body in &answers {
        assert!(body.to_string().len() * 2 <= limit, "{}", body.to_string().len());
        // Each answer counts what was left when it began, and says how much of that it shows.
        assert_eq!(body["summary"]["targets"], json!(left));
        let shown = results(body).len();
        if body.get("next_targets").is_some() {
            assert_eq!(body["summary"]["shown"], json!(shown));
        } else {
            assert_eq!(shown, left);
        }
        left -= shown;
    }
    let failed = answers.iter().flat_map(codes).filter(|code| *code != "ok");
    assert_eq!(failed.collect::<Vec<_>>(), ["access_denied"; 2]);
}

#[tokio::test]
async fn targets_before_the_cursor_are_not_asked_again() {
    let (stub, world) = small(&["--max-result-bytes", "7000"]).await;
    let first = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    let shown = results(&first).len();
    assert!((1..6).contains(&shown), "{first}");
    let before = stub.seen("ListSecrets").len();
    let arguments = json!({ "accounts": ["all"], "targets_from": first["next_targets"] });
    world.call("list_secrets", arguments).await;
    assert_eq!(stub.seen("ListSecrets").len(), before + 6 - shown);
}

#[tokio::test]
async fn a_target_that_fills_an_answer_alone_does_not_end_the_walk() {
    let limit = 16_384;
    let (stub, world) = small(&["--max-result-bytes", &limit.to_string()]).await;
    for (at, count) in [(0, 30), (1, 90), (2, 100), (3, 110), (4, 130), (5, 1000)] {
        stub.set(&id(at), Behaviour::Lists(count));
    }
    let answers = walk(&world, json!({ "accounts": ["all"] })).await;
    for body in &answers {
        assert!(body.to_string().len() * 2 <= limit, "{}", body.to_string().len());
    }
    let names: Vec<String> = answers
        .iter()
        .flat_map(results)
        .map(|r| text(r, "account").to_owned())
        .collect();
    assert_eq!(names, super::NAMES);
    // What can't be shown in any answer says so in its own place.
    assert_eq!(answers.iter().flat_map(codes).last(), Some("invalid_input"));
}

#[tokio::test]
async fn a_cursor_that_no_answer_gave_is_refused_and_asks_aws_nothing() {
    let (stub, world) = small(&["--max-result-bytes", "7000"]).await;
    for cursor in ["", "x", "WzEsMl0", "bm90IGpzb24", "🦀"] {
        let arguments = json!({ "accounts": ["all"], "targets_from": cursor });
        let error = world.fails("invalid_input", "list_secrets", arguments).await;
        assert!(text(&error, "message").contains("targets_from"), "{error}");
    }
    assert_eq!(stub.total(), 0);
    // One of other accounts says where it would have gone on.
    let first = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    let before = stub.total();
    let arguments = json!({ "accounts": ["alpha"], "targets_from": first["next_targets"] });
    let error = world.fails("invalid_input", "list_secrets", arguments).await;
    assert!(text(&error, "message").contains("no longer hold"), "{error}");
    assert_eq!(stub.total(), before);
}

#[tokio::test]
async fn a_cursor_goes_on_at_its_target_whatever_the_accounts_order_has_become() {
    let (_stub, world) = small(&["--max-result-bytes", "7000"]).await;
    let first = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    let next = super::NAMES[results(&first).len()];
    // Without the first account every other one has moved up.
    let fewer: Vec<&str> = super::NAMES[1..].to_vec();
    let arguments = json!({ "accounts": fewer, "targets_from": first["next_targets"] });
    let second = world.call("list_secrets", arguments).await;
    assert_eq!(text(&results(&second)[0], "account"), next);
}
