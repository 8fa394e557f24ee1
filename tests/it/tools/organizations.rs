//! Organizations.

use serde_json::{Value, json};

use crate::support::{
    text, texts,
    world::{MANAGEMENT_ROLE, World},
};

fn there(mut arguments: Value) -> Value {
    arguments["role_arn"] = json!(MANAGEMENT_ROLE);
    arguments
}

#[tokio::test]
async fn accounts_that_nobody_registered_are_found() {
    let known = json!([{ "name": "prod", "id": "222222222222" }]).to_string();
    let Some(world) = World::sandbox(&["--account-registry", &known]).await else {
        return;
    };
    let data = world.ok("list_organization_accounts", there(json!({}))).await;
    let accounts = data["accounts"].as_array().unwrap();
    assert_eq!(
        data["summary"],
        json!({ "count": 5, "unregistered": 4, "by_status": { "ACTIVE": 4, "SUSPENDED": 1 } })
    );
    let production = accounts.iter().find(|a| text(a, "name") == "production").unwrap();
    assert_eq!(production["registered_as"], json!("prod"), "{production}");
    assert!(
        text(production, "joined").starts_with("2023-11-14T22:13:20Z ("),
        "{production}"
    );
    let arguments = there(json!({ "unregistered": true }));
    let missing = world.ok("list_organization_accounts", arguments.clone()).await;
    let names = texts(missing["accounts"].as_array().unwrap(), "name");
    assert_eq!(names, ["central", "staging", "development", "old-sandbox"]);
    // A page of which nobody is left is no end.
    let pages = world
        .pages("list_organization_accounts", arguments, 1, "accounts")
        .await;
    assert_eq!(texts(&pages.concat(), "name"), names);
}

#[tokio::test]
async fn the_tree_shows_who_is_where() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let data = world.ok("list_organizational_units", there(json!({}))).await;
    let units = data["organizational_units"].as_array().unwrap();
    let production = units
        .iter()
        .find(|u| text(u, "path") == "Root/workloads/production")
        .unwrap();
    assert_eq!(
        production["accounts"],
        json!([{ "name": "production", "id": "222222222222", "status": "ACTIVE", "registered": true }])
    );
    assert!(data.get("not_read").is_none(), "{data}");
}

#[tokio::test]
async fn the_policies_over_an_account_say_why_it_may_not() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let over = there(json!({ "target_id": "staging" }));
    let data = world.ok("list_service_control_policies", over).await;
    let policies = data["policies"].as_array().unwrap();
    let regions = policies.iter().find(|p| text(p, "name") == "known-regions").unwrap();
    let denied = &regions["document"]["Statement"][0]["Action"];
    assert!(denied.to_string().contains("ec2:RunInstances"), "{regions}");
    let levels = texts(data["levels"].as_array().unwrap(), "name");
    assert_eq!(levels, ["Root", "workloads", "nonproduction", "staging"]);
    let other = there(json!({ "target_id": "222222222222", "policy_type": "RESOURCE_CONTROL_POLICY" }));
    let data = world.ok("list_service_control_policies", other).await;
    assert_eq!(data["policies"], json!([]));
}

#[tokio::test]
async fn who_asks_in_a_member_account_is_told_where_to_ask() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "organizations:*", "Resource": "*" },
    ]});
    let sandbox = world.accounts();
    sandbox
        .put_role_policy("444444444444", "aws-ops-target", "operate", &policy)
        .await
        .unwrap();
    let arguments = json!({ "account": "development" });
    let error = world
        .fails("access_denied", "list_organization_accounts", arguments)
        .await;
    assert!(text(&error, "hint").contains("management account"), "{error}");
}
