//! Runbooks as clients get them: listed, filled in, completed, and refused with a reason.

use serde_json::{Value, json};

use crate::support::{
    text, texts,
    world::{ALICE, World},
};

async fn listed(world: &World) -> Vec<Value> {
    let answer = world.rpc(ALICE, "prompts/list", json!({})).await;
    answer["result"]["prompts"].as_array().unwrap().clone()
}

async fn got(world: &World, name: &str, arguments: Value) -> Value {
    let params = json!({ "name": name, "arguments": arguments });
    world.rpc(ALICE, "prompts/get", params).await
}

#[tokio::test]
async fn runbooks_are_listed_with_their_arguments_and_filled_in() {
    let world = World::new().await;
    let prompts = listed(&world).await;
    let names = [
        "triage_alarm",
        "rotate_secret",
        "fail_over_dns",
        "find_public_buckets",
        "who_changed_what",
    ];
    assert_eq!(texts(&prompts, "name"), names);
    let rotate = &prompts[1];
    assert_eq!(rotate["arguments"][1]["name"], json!("secret_id"));
    assert_eq!(rotate["arguments"][1]["required"], json!(true));
    let arguments = json!({ "account": "production", "secret_id": "payments/db/primary" });
    let answer = got(&world, "rotate_secret", arguments).await;
    let message = &answer["result"]["messages"][0];
    assert_eq!(message["role"], json!("user"));
    let said = text(&message["content"], "text");
    assert!(
        said.contains("account \"production\"") && said.contains("payments/db/primary"),
        "{said}"
    );
    assert!(said.contains("1. `describe_secret`"), "{said}");
}

#[tokio::test]
async fn a_runbook_names_only_tools_that_are_there() {
    let world = World::with(&["--toolsets", "default", "--read-only"]).await;
    let names = texts(&listed(&world).await, "name");
    assert!(!names.contains(&"rotate_secret".to_owned()), "{names:?}");
    let answer = got(&world, "rotate_secret", json!({ "account": "a", "secret_id": "b" })).await;
    assert_eq!(answer["error"]["code"], json!(-32602), "{answer}");
    assert!(
        text(&answer["error"], "message").contains("`rotate_secret`"),
        "{answer}"
    );
}

#[tokio::test]
async fn wrong_names_and_arguments_are_told() {
    let world = World::new().await;
    for (name, arguments, said) in [
        ("triage", json!({}), "no such prompt `triage`"),
        ("rotate_secret", json!({ "account": "a" }), "`secret_id` is missing"),
        ("who_changed_what", json!({ "sinc": "1h" }), "no argument `sinc`"),
    ] {
        let answer = got(&world, name, arguments).await;
        assert_eq!(answer["error"]["code"], json!(-32602), "{answer}");
        assert!(text(&answer["error"], "message").contains(said), "{answer}");
    }
}

#[tokio::test]
async fn a_runbooks_account_completes() {
    let world = World::new().await;
    let reference = json!({ "type": "ref/prompt", "name": "triage_alarm" });
    let params = json!({ "ref": reference, "argument": { "name": "account", "value": "st" } });
    let answer = world.rpc(ALICE, "completion/complete", params).await;
    assert_eq!(answer["result"]["completion"]["values"], json!(["staging"]), "{answer}");
}

#[tokio::test]
async fn without_a_caller_there_are_none() {
    let world = World::new().await;
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "triage_alarm" })),
    ] {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = world.send("not-a-token-of-anybody-0123456789ab", None, &message).await;
        assert_eq!(response.status(), 401, "{method}");
    }
}
