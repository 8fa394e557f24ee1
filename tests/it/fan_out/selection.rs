//! Which targets a call means, and what it refuses.

use std::collections::BTreeSet;

use aws_ops_mcp::{ops::Access, server::Catalogue};
use serde_json::{Value, json};

use crate::support::text;

use super::{NAMES, id, places, results, small};

#[tokio::test]
async fn all_asks_every_account_but_the_central_one_in_the_registrys_order() {
    let (_stub, world) = small(&[]).await;
    let body = world.call("list_secrets", json!({ "accounts": ["all"] })).await;
    let expected = [
        "alpha/us-east-1",
        "beta/us-east-1",
        "gamma/us-east-1",
        "delta/us-east-1",
        "epsilon/eu-central-1",
        "zeta/us-east-1",
    ];
    assert_eq!(places(&body), expected);
    assert_eq!(body["summary"], json!({ "targets": 6, "ok": 6, "failed": 0 }));
    assert!(
        body.get("next_targets").is_none() && body.get("error").is_none(),
        "{body}"
    );
}

#[tokio::test]
async fn each_result_has_the_data_and_the_receipt_of_its_own_account_and_region() {
    let (stub, world) = small(&[]).await;
    let arguments = json!({ "accounts": ["all"], "regions": ["eu-west-1", "us-east-1"] });
    let body = world.call("list_secrets", arguments).await;
    let expected: Vec<String> = NAMES
        .iter()
        .flat_map(|name| ["eu-west-1", "us-east-1"].map(|region| format!("{name}/{region}")))
        .collect();
    assert_eq!(places(&body), expected);
    let mut requests = BTreeSet::new();
    for (at, result) in results(&body).iter().enumerate() {
        let (account, region) = (id(at / 2), text(result, "region"));
        assert_eq!(
            result["data"]["secrets"][0]["name"],
            json!(format!("{account}/{region}/0"))
        );
        let mut receipt = result["receipt"].as_object().unwrap().clone();
        assert!(requests.insert(receipt.remove("aws_request_id").unwrap().to_string()));
        let expected = json!({
            "account": NAMES[at / 2], "account_id": account, "region": region, "session_name": "aws-ops-alice",
            "role_arn": format!("arn:aws:iam::{account}:role/aws-ops-target"),
        });
        assert_eq!(Value::Object(receipt), expected);
    }
    // One session for both regions of an account.
    assert_eq!((stub.seen("AssumeRole").len(), stub.seen("ListSecrets").len()), (6, 12));
}

#[tokio::test]
async fn names_ids_aliases_environments_and_tags_mean_each_account_once() {
    let (stub, world) = small(&[]).await;
    for (words, expected) in [
        (vec!["zeta", "alpha"], vec!["alpha", "zeta"]),
        (vec!["200000000003", "DELTA"], vec!["delta"]),
        (vec!["second", "beta"], vec!["beta"]),
        (vec!["environment:production"], vec!["alpha", "beta"]),
        (vec!["tag:team=payments"], vec!["alpha", "gamma"]),
        (
            vec!["tag:team=payments", "environment:staging", "200000000001"],
            vec!["alpha", "beta", "gamma", "delta"],
        ),
        (vec!["all", "alpha"], NAMES.to_vec()),
    ] {
        let before = stub.seen("ListSecrets").len();
        let body = world.call("list_secrets", json!({ "accounts": words })).await;
        let names: Vec<&str> = results(&body).iter().map(|r| text(r, "account")).collect();
        assert_eq!(names, expected, "{words:?}");
        assert_eq!(stub.seen("ListSecrets").len(), before + expected.len(), "{words:?}");
    }
}

#[tokio::test]
async fn all_regions_are_an_accounts_own_or_those_that_every_account_has() {
    let (_stub, world) = small(&[]).await;
    let arguments = json!({ "accounts": ["alpha"], "regions": ["all"] });
    let body = world.call("list_secrets", arguments).await;
    assert_eq!(places(&body), ["alpha/us-east-1", "alpha/eu-west-1"]);
    // One account over several regions needs no list of accounts.
    let body = world
        .call("list_secrets", json!({ "account": "zeta", "regions": ["all"] }))
        .await;
    let regions: BTreeSet<&str> = results(&body).iter().map(|r| text(r, "region")).collect();
    assert_eq!(regions.len(), 17, "{regions:?}");
    assert!(results(&body).iter().all(|r| text(r, "account") == "zeta"));
    let body = world
        .call(
            "list_secrets",
            json!({ "account": "zeta", "regions": ["eu-west-1", "eu-west-1"] }),
        )
        .await;
    assert_eq!(places(&body), ["zeta/eu-west-1"]);
}

#[tokio::test]
async fn a_region_that_one_account_does_not_allow_fails_that_account_alone() {
    let (stub, world) = small(&[]).await;
    let arguments = json!({ "accounts": ["alpha", "beta"], "regions": ["ap-south-1"] });
    let body = world.call("list_secrets", arguments).await;
    assert_eq!(places(&body), ["alpha/ap-south-1", "beta/ap-south-1"]);
    let error = &body["results"][0]["error"];
    assert_eq!(error["code"], json!("invalid_input"));
    assert!(text(error, "message").contains("us-east-1, eu-west-1"), "{error}");
    assert_eq!(body["summary"]["errors"], json!({ "invalid_input": 1 }));
    assert!(stub.seen("AssumeRole").iter().all(|s| s.account == id(1)));
}

#[tokio::test]
async fn a_list_of_one_is_answered_as_a_list() {
    let (_stub, world) = small(&[]).await;
    let body = world.call("list_secrets", json!({ "accounts": ["beta"] })).await;
    assert_eq!(places(&body), ["beta/us-east-1"]);
    let body = world
        .call("list_secrets", json!({ "account": "beta", "regions": ["us-east-1"] }))
        .await;
    assert_eq!(places(&body), ["beta/us-east-1"]);
}

#[tokio::test]
async fn words_that_mean_nothing_stop_the_call_with_the_nearest_and_ask_aws_nothing() {
    let (stub, world) = small(&[]).await;
    for (code, accounts, said) in [
        ("unknown_account", json!(["alpha", "gama"]), "Did you mean `gamma`?"),
        (
            "unknown_account",
            json!(["999999999999"]),
            "the accounts are: alpha, beta",
        ),
        ("unknown_account", json!(["tag:team"]), "tag:team"),
        (
            "invalid_input",
            json!(["environment:prodution"]),
            "did you mean `environment:production`?",
        ),
        (
            "invalid_input",
            json!(["tag:team=paymnets"]),
            "`tag:team=paymnets` means no account",
        ),
        ("invalid_input", json!([]), "`accounts` is empty"),
        ("invalid_input", json!("all"), "lists of strings"),
        ("invalid_input", json!([7]), "lists of strings"),
    ] {
        let error = world.fails(code, "list_secrets", json!({ "accounts": accounts })).await;
        let words = format!(
            "{} {}",
            text(&error, "message"),
            error["hint"].as_str().unwrap_or_default()
        );
        assert!(
            words.to_lowercase().contains(&said.to_lowercase()),
            "{accounts}: {words}"
        );
    }
    for (regions, said) in [
        (json!(["us-esat-1"]), "us-east-1"),
        (json!([]), "`regions` is empty"),
        (json!([""]), "region"),
    ] {
        let arguments = json!({ "accounts": ["all"], "regions": regions });
        let error = world.fails("invalid_input", "list_secrets", arguments).await;
        assert!(text(&error, "message").contains(said), "{error}");
    }
    assert_eq!(stub.total(), 0);
}

#[tokio::test]
async fn contradictory_selectors_are_refused_and_ask_aws_nothing() {
    let (stub, world) = small(&[]).await;
    let role = "arn:aws:iam::200000000000:role/aws-ops-target";
    for arguments in [
        json!({ "accounts": ["all"], "account": "alpha" }),
        json!({ "accounts": ["all"], "role_arn": role }),
        json!({ "account": "alpha", "role_arn": role, "regions": ["us-east-1"] }),
        json!({ "account": "alpha", "regions": ["us-east-1"], "region": "us-east-1" }),
        json!({ "accounts": ["all"], "regions": ["all"], "region": "us-east-1" }),
        json!({ "account": "alpha", "targets_from": "x" }),
    ] {
        let body = world.call("list_secrets", arguments.clone()).await;
        let code = match body.get("error") {
            Some(error) => error["code"].clone(),
            None => panic!("{arguments}: {body}"),
        };
        assert_eq!(code, json!("invalid_input"), "{arguments}: {body}");
    }
    assert_eq!(stub.total(), 0);
}

#[tokio::test]
async fn only_tools_that_read_take_several_targets() {
    let (stub, world) = small(&[]).await;
    let catalogue = Catalogue::new(false).unwrap();
    let mut refused = 0;
    for entry in catalogue.entries() {
        let (name, declaration) = (&entry.tool.name, &entry.declaration);
        let many = declaration.targeted && declaration.access == Access::Read;
        let properties = entry.tool.input_schema["properties"].as_object().unwrap();
        for field in ["accounts", "regions", "targets_from"] {
            assert_eq!(properties.contains_key(field), many, "{name}: {field}");
        }
        if many {
            continue;
        }
        refused += 1;
        for (field, value) in [
            ("accounts", json!(["alpha"])),
            ("regions", json!(["us-east-1"])),
            ("targets_from", json!("x")),
        ] {
            let mut arguments = json!({ "account": "alpha", "secret_id": "x", "name": "x", "bucket": "b", "key": "k" });
            let arguments = arguments.as_object_mut().unwrap();
            arguments.retain(|key, _| properties.contains_key(key));
            arguments.insert(field.to_owned(), value);
            let error = world
                .fails("invalid_input", name, Value::Object(arguments.clone()))
                .await;
            assert!(
                text(&error, "message").contains(&format!("no argument `{field}`")),
                "{error}"
            );
        }
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(stub.total(), 0);
}
