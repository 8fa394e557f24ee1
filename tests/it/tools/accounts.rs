//! Accounts, identities, receipts, and how calls are addressed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    text, texts,
    world::{ACCOUNTS, ALICE, BOB, World},
};

#[tokio::test]
async fn the_central_account_is_not_listed() {
    let data = World::new().await.ok("list_accounts", json!({})).await;
    let names = texts(data["accounts"].as_array().unwrap(), "name");
    assert_eq!(names, ["production", "staging", "development"]);
    for account in data["accounts"].as_array().unwrap() {
        assert!(text(account, "role_arn").contains(text(account, "id")), "{account}");
    }
}

#[tokio::test]
async fn a_tool_without_a_target_has_no_receipt_and_takes_no_account() {
    let world = World::new().await;
    assert!(world.call("list_accounts", json!({})).await.get("receipt").is_none());
    let error = world
        .fails("invalid_input", "list_accounts", json!({ "account": "staging" }))
        .await;
    assert!(text(&error, "message").contains("`account`"), "{error}");
}

#[tokio::test]
async fn each_account_is_reached_by_its_own_role_under_the_callers_name() {
    let world = World::new().await;
    for (name, id, ..) in ACCOUNTS {
        // The id names the account as well as the name does.
        for account in [name, id] {
            let body = world.call("get_caller_identity", json!({ "account": account })).await;
            let session = format!("arn:aws:sts::{id}:assumed-role/aws-ops-target/aws-ops-alice");
            assert_eq!(body["data"]["account"], json!(id));
            assert_eq!(body["data"]["arn"], json!(session));
        }
    }
    let bob = world
        .call_as(BOB, "get_caller_identity", json!({ "account": "staging" }))
        .await;
    assert!(text(&bob["data"], "arn").ends_with("/aws-ops-bob"), "{bob}");
}

#[tokio::test]
async fn a_receipt_says_which_identity_did_what_where() {
    let world = World::new().await;
    for (arguments, region) in [
        (json!({ "account": "production" }), "us-east-1"),
        (json!({ "account": "production", "region": "eu-west-1" }), "eu-west-1"),
    ] {
        for (tool, success) in [("list_secrets", true), ("get_secret_value", false)] {
            let mut arguments = arguments.clone();
            if !success {
                arguments["secret_id"] = json!("no/such/secret");
            }
            let body = world.call(tool, arguments).await;
            assert_eq!(body["success"], json!(success), "{body}");
            let mut receipt = body["receipt"].as_object().unwrap().clone();
            let id = receipt.remove("aws_request_id").unwrap();
            assert!(id.as_str().is_some_and(|id| id.len() >= 16), "{id}");
            let expected = json!({
                "account": "production", "account_id": "222222222222", "region": region, "session_name": "aws-ops-alice",
                "role_arn": "arn:aws:iam::222222222222:role/aws-ops-target",
            });
            assert_eq!(Value::Object(receipt), expected);
        }
    }
}

#[tokio::test]
async fn every_calls_receipt_has_a_request_id_of_its_own() {
    let world = World::new().await;
    let mut ids = BTreeSet::new();
    for tool in [
        "list_secrets",
        "list_hosted_zones",
        "list_buckets",
        "get_caller_identity",
    ] {
        let body = world.call(tool, json!({ "account": "development" })).await;
        assert!(
            ids.insert(text(&body["receipt"], "aws_request_id").to_owned()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn without_an_account_the_servers_own_identity_acts_and_may_do_nothing() {
    let world = World::new().await;
    let body = world.call("get_caller_identity", json!({})).await;
    assert_eq!(body["data"]["account"], json!("111111111111"));
    assert_eq!(body["receipt"]["credentials"], json!("default"));
    assert_eq!(body["receipt"]["account_id"], json!("111111111111"));
    let error = world.fails("access_denied", "list_secrets", json!({})).await;
    assert!(text(&error, "hint").contains("name an `account`"), "{error}");
}

#[tokio::test]
async fn every_argument_that_says_where_is_checked_on_every_tool() {
    let world = World::new().await;
    let listed = world.rpc(ALICE, "tools/list", json!({})).await;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let name = text(tool, "name");
        if tool["inputSchema"]["properties"].get("account").is_none() {
            continue;
        }
        for (code, arguments) in [
            ("unknown_account", json!({ "account": "prodcution" })),
            ("invalid_input", json!({ "account": "" })),
            ("invalid_input", json!({ "account": 7 })),
            ("invalid_input", json!({ "account": ["staging"] })),
            (
                "invalid_input",
                json!({ "account": "staging", "region": "us-east-1.evil/#" }),
            ),
            (
                "invalid_input",
                json!({ "account": "staging", "role_arn": "arn:aws:iam::222222222222:role/aws-ops-target" }),
            ),
            (
                "invalid_input",
                json!({ "role_arn": "arn:aws:iam::222222222222:role/../aws-ops-target" }),
            ),
            (
                "forbidden",
                json!({ "role_arn": "arn:aws:iam::222222222222:role/Admin" }),
            ),
            (
                "forbidden",
                json!({ "role_arn": "arn:aws:iam::999999999999:role/aws-ops-target" }),
            ),
            ("invalid_input", json!({ "profile": "default" })),
            ("invalid_input", json!({ "acount": "staging" })),
        ] {
            world.fails(code, name, arguments).await;
        }
    }
}

#[tokio::test]
async fn a_registered_role_may_be_named_by_its_arn() {
    let arguments = json!({ "role_arn": "arn:aws:iam::333333333333:role/aws-ops-target" });
    let body = World::new().await.call("get_caller_identity", arguments).await;
    assert_eq!(body["data"]["account"], json!("333333333333"));
    assert_eq!(body["receipt"]["account"], json!("staging"));
}

#[tokio::test]
async fn only_an_unknown_tool_is_a_protocol_error() {
    let world = World::new().await;
    let answer = world
        .rpc(ALICE, "tools/call", json!({ "name": "list_secret", "arguments": {} }))
        .await;
    assert_eq!(answer["error"]["code"], json!(-32602));
    assert!(
        text(&answer["error"], "message").contains("did you mean `list_secrets`"),
        "{answer}"
    );
}

#[tokio::test]
async fn arguments_of_wrong_types_and_names_are_told_what_is_right() {
    let world = World::new().await;
    for (tool, arguments, expected) in [
        (
            "list_secrets",
            json!({ "max_results": "many" }),
            "`max_results` is \"many\"; right would be a whole number",
        ),
        ("list_secrets", json!({ "max_results": -1 }), "0 or more"),
        ("list_secrets", json!({ "filters": "payments" }), "a list"),
        (
            "list_secrets",
            json!({ "filters": [{ "key": "colour", "values": [] }] }),
            "tag-key",
        ),
        (
            "list_secrets",
            json!({ "filters": [{ "key": "name", "value": "x" }] }),
            "values",
        ),
        ("get_secret_value", json!({}), "secret_id"),
        ("get_secret_value", json!({ "secret_id": 7 }), "string"),
        (
            "get_secret_value",
            json!({ "secretid": "x" }),
            "did you mean `secret_id`",
        ),
        (
            "create_secret",
            json!({ "name": "x", "secret_string": "x", "tags": ["x"] }),
            "an object",
        ),
        (
            "delete_secret",
            json!({ "secret_id": "x", "recovery_window_in_days": "7" }),
            "a whole number",
        ),
        (
            "delete_secret",
            json!({ "secret_id": "x", "force_delete_without_recovery": "yes" }),
            "true or false",
        ),
        (
            "change_resource_record_sets",
            json!({ "hosted_zone_id": "Z1", "changes": [{ "action": "REPLACE" }] }),
            "UPSERT",
        ),
        ("get_object", json!({ "bucket": "b" }), "key"),
        ("put_object", json!({ "bucket": "b", "key": "k", "body": 7 }), "string"),
    ] {
        let mut arguments = arguments;
        arguments["account"] = json!("development");
        let error = world.fails("invalid_input", tool, arguments.clone()).await;
        assert!(
            text(&error, "message").contains(expected),
            "{tool} {arguments}: {error}"
        );
    }
}
