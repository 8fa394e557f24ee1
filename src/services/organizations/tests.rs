use serde_json::{Value, json};

use crate::{
    ops::{ErrorCode, Ops},
    testing::{data, input, ops_as},
};

async fn management() -> Ops {
    ops_as("arn:aws:iam::111111111111:role/aws-ops-organization").await
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|a| a["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn who_is_not_registered_is_found() {
    let ops = management().await;
    let all = data(ops.list_organization_accounts(input(json!({}))).await).unwrap();
    assert_eq!(
        all["summary"]["by_status"],
        json!({"ACTIVE": 4, "SUSPENDED": 1}),
        "{all}"
    );
    assert_eq!(all["summary"]["unregistered"], 1);
    assert!(
        all["accounts"][0]["joined"].as_str().unwrap().contains(" ago)"),
        "{all}"
    );
    let missing = data(
        ops.list_organization_accounts(input(json!({"unregistered": true, "max_results": 1})))
            .await,
    );
    let missing = missing.unwrap();
    assert_eq!(names(&missing["accounts"]), ["old-sandbox"]);
}

#[tokio::test]
async fn the_tree_is_whole_or_begins_at_a_unit() {
    let ops = management().await;
    let all = data(ops.list_organizational_units(input(json!({}))).await).unwrap();
    let paths: Vec<&str> = all["organizational_units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "Root",
            "Root/suspended",
            "Root/workloads",
            "Root/workloads/nonproduction",
            "Root/workloads/production"
        ]
    );
    assert_eq!(
        all["summary"],
        json!({"organizational_units": 4, "accounts": 5, "unregistered": 1})
    );
    assert_eq!(
        names(&all["organizational_units"][3]["accounts"]),
        ["staging", "development"]
    );
    let id = &all["organizational_units"][4]["id"];
    let part = data(ops.list_organizational_units(input(json!({"parent_id": id}))).await).unwrap();
    assert_eq!(part["organizational_units"][0]["path"], "production");
    let none = data(
        ops.list_organizational_units(input(json!({"parent_id": "ou-acme-nosuchou"})))
            .await,
    )
    .unwrap_err();
    assert_eq!(none.code(), ErrorCode::NotFound);
    let wrong = data(
        ops.list_organizational_units(input(json!({"parent_id": "production"})))
            .await,
    )
    .unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::InvalidInput);
}

#[tokio::test]
async fn policies_come_from_every_level() {
    let ops = management().await;
    let list = |target: &str| ops.list_service_control_policies(input(json!({"target_id": target})));
    let over = data(list("production").await).unwrap();
    assert_eq!(
        names(&over["levels"]),
        ["Root", "workloads", "production", "production"]
    );
    assert_eq!(
        over["levels"][0]["policies"],
        json!(["FullAWSAccess", "stay-in-the-organization"])
    );
    let guard = over["policies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "known-regions")
        .unwrap();
    assert_eq!(guard["document"]["Statement"][0]["Effect"], "Deny");
    let central = data(list("111111111111").await).unwrap();
    assert!(central["note"].is_string(), "{central}");
    assert_eq!(
        data(list("999999999999").await).unwrap_err().code(),
        ErrorCode::NotFound
    );
    assert_eq!(
        data(list("nowhere").await).unwrap_err().code(),
        ErrorCode::UnknownAccount
    );
}
