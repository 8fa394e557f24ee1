//! Routine changes, each with a look before and after.

use serde_json::{Value, json};

use super::Session;
use crate::support::text;

#[tokio::test]
async fn fail_api_example_com_over() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let at = |mut arguments: Value| {
        arguments["account"] = json!("development");
        arguments
    };
    let now = session
        .ask(
            "list_resource_record_sets",
            at(json!({ "name": "api.dev.acme.example" })),
        )
        .await;
    let zone = &now["data"]["hosted_zone_id"];
    let records = now["data"]["resource_record_sets"].as_array().unwrap();
    // What had all the weight gets none, and the other one all of it.
    let turned = records.iter().map(|record| {
        let mut record = record.clone();
        record["weight"] = if record["weight"] == json!(0) {
            json!(100)
        } else {
            json!(0)
        };
        json!({ "action": "UPSERT", "resource_record_set": record })
    });
    let change = json!({ "hosted_zone_id": zone, "changes": turned.collect::<Vec<_>>() });
    let changed = session.ask("change_resource_record_sets", at(change)).await;
    assert_eq!(changed["data"]["diff"].as_array().unwrap().len(), 2, "{changed}");
    let query = json!({ "hosted_zone_id": zone, "record_name": "api.dev.acme.example", "record_type": "A" });
    let answer = session.ask("test_dns_answer", at(query)).await;
    assert_eq!(answer["data"]["record_data"], json!(["203.0.113.32"]));
}

#[tokio::test]
async fn rotate_the_payments_password() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let secret = json!({ "account": "staging", "secret_id": "payments/db/primary" });
    let before = session.ask("describe_secret", secret.clone()).await;
    assert_eq!(before["data"]["rotation_enabled"], json!(true), "{before}");
    let rotated = session.ask("rotate_secret", secret.clone()).await;
    let versions = session.ask("list_secret_version_ids", secret).await;
    let current = versions["data"]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["version_stages"].to_string().contains("AWSCURRENT"))
        .unwrap_or_else(|| panic!("{versions}"));
    assert_eq!(text(current, "version_id"), text(&rotated["data"], "version_id"));
    assert!(versions.to_string().contains("AWSPREVIOUS"), "the way back: {versions}");
}

#[tokio::test]
async fn i_deleted_the_wrong_secret_bring_it_back() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let secret = json!({ "account": "development", "secret_id": "payments/db/primary" });
    session.ask("delete_secret", secret.clone()).await;
    session.ask("restore_secret", secret.clone()).await;
    let after = session.ask("describe_secret", secret).await;
    assert!(after["data"].get("deleted_date").is_none(), "{after}");
}

#[tokio::test]
async fn why_may_our_role_not_delete_objects_in_production() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let role = "arn:aws:iam::222222222222:role/aws-ops-target";
    let asked = json!({ "account": "production", "policy_source_arn": role, "action_names": ["s3:DeleteObject"] });
    let body = session.ask("simulate_principal_policy", asked).await;
    let result = &body["data"]["results"][0];
    assert_eq!(result["decision"], json!("explicitDeny"));
    assert!(
        result["matched_statements"].to_string().contains("guard"),
        "which policy: {result}"
    );
}
