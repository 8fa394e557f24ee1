//! Each tool against the sandbox.

use serde_json::json;

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops},
};

#[tokio::test]
async fn lists_every_page_and_goes_on_from_a_cursor() {
    let ops = ops("staging").await;
    let all = data(ops.list_secrets(input(json!({}))).await).unwrap();
    let names = |list: &serde_json::Value| -> Vec<String> {
        list["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(names(&all).len() > 100 && all.get("next_token").is_none());
    let first = data(ops.list_secrets(input(json!({"max_results": 7}))).await).unwrap();
    let rest = json!({"next_token": first["next_token"]});
    let rest = data(ops.list_secrets(input(rest)).await).unwrap();
    assert_eq!([names(&first), names(&rest)].concat(), names(&all));
    let filter = json!({"filters": [{"key": "name", "values": ["payments/"]}]});
    let some = data(ops.list_secrets(input(filter)).await).unwrap();
    assert!(
        !names(&some).is_empty() && names(&some).iter().all(|n| n.starts_with("payments/")),
        "{some}"
    );
}

#[tokio::test]
async fn created_read_updated_and_deleted() {
    let ops = ops("development").await;
    let token = "11111111-2222-4333-8444-555555555555";
    let new = json!({"name": "t/1", "secret_string": "one", "tags": {"team": "x"}, "client_request_token": token});
    let made = data(ops.create_secret(input(new.clone())).await).unwrap();
    assert_eq!(
        data(ops.create_secret(input(new)).await).unwrap(),
        made,
        "the token makes it idempotent"
    );
    data(
        ops.update_secret(input(json!({"secret_id": "t/1", "secret_binary": "AAEC/w=="})))
            .await,
    )
    .unwrap();
    let now = data(ops.get_secret_value(input(json!({"secret_id": "t/1"}))).await).unwrap();
    assert_eq!(
        (now["secret_binary"].as_str(), now.get("secret_string")),
        (Some("AAEC/w=="), None)
    );
    let before = json!({"secret_id": "t/1", "version_stage": "AWSPREVIOUS"});
    assert_eq!(
        data(ops.get_secret_value(input(before)).await).unwrap()["secret_string"],
        "one"
    );
    let by_version = json!({"secret_id": made["arn"], "version_id": token});
    assert_eq!(
        data(ops.get_secret_value(input(by_version)).await).unwrap()["secret_string"],
        "one"
    );
    let gone = data(ops.delete_secret(input(json!({"secret_id": "t/1"}))).await).unwrap();
    assert!(gone["deletion_date"].is_string());
    let error = data(ops.get_secret_value(input(json!({"secret_id": "t/1"}))).await).unwrap_err();
    assert!(error.to_string().contains("InvalidRequestException"), "{error}");
}

#[tokio::test]
async fn what_aws_would_refuse_or_misread_is_refused_here() {
    let ops = ops("development").await;
    for (json, expected) in [
        (json!({"secret_id": "x", "recovery_window_in_days": 3}), "7 to 30"),
        (
            json!({"secret_id": "x", "recovery_window_in_days": 7, "force_delete_without_recovery": true}),
            "exclude",
        ),
    ] {
        let error = data(ops.delete_secret(input(json)).await).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let both = json!({"name": "x", "secret_string": "a", "secret_binary": "AA=="});
    assert!(
        data(ops.create_secret(input(both)).await)
            .unwrap_err()
            .to_string()
            .contains("exclude")
    );
    let broken = json!({"name": "x", "secret_binary": "hunter2!"});
    let error = data(ops.create_secret(input(broken)).await).unwrap_err().to_string();
    assert!(error.contains("base64") && !error.contains("hunter2"), "{error}");
    let missing = data(ops.get_secret_value(input(json!({"secret_id": "nope"}))).await).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}
