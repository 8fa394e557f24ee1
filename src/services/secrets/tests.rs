//! Each tool against the sandbox.

use serde_json::json;

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops, ops_that_lose},
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

#[tokio::test]
async fn a_secret_is_described_without_its_value() {
    let ops = ops("production").await;
    let about = data(
        ops.describe_secret(input(json!({"secret_id": "payments/db/primary"})))
            .await,
    )
    .unwrap();
    for (field, expected) in [
        ("rotation_enabled", json!(true)),
        ("rotation_schedule", json!("every 30 days")),
        ("kms_key_id", json!("alias/payments")),
        ("tags", json!({"environment": "production", "team": "payments"})),
    ] {
        assert_eq!(about[field], expected, "{field}: {about}");
    }
    assert!(
        about["last_rotated_date"].as_str().unwrap().ends_with("(12 d ago)"),
        "{about}"
    );
    assert!(
        about["next_rotation_date"].as_str().unwrap().ends_with("(in 17 d)"),
        "{about}"
    );
    let stages: Vec<_> = about["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["version_stages"][0])
        .collect();
    assert_eq!(stages, ["AWSCURRENT", "AWSPREVIOUS"]);
    assert!(!about.to_string().contains("password"), "{about}");
    let plain = json!({"secret_id": "web/session-signing-key"});
    let plain = data(ops.describe_secret(input(plain)).await).unwrap();
    assert_eq!(plain["kms_key_id"], "aws/secretsmanager");
    let doomed = json!({"filters": [{"key": "name", "values": ["web/legacy"]}], "include_planned_deletion": true});
    let doomed = data(ops.list_secrets(input(doomed)).await).unwrap();
    assert_eq!(
        (
            &doomed["count"],
            &doomed["scheduled_for_deletion"],
            &doomed["without_rotation"]
        ),
        (&json!(1), &json!(1), &json!(1)),
        "{doomed}"
    );
}

#[tokio::test]
async fn versions_come_with_their_stages_page_by_page() {
    let ops = ops("staging").await;
    let ask = |more: serde_json::Value| {
        let mut ask = json!({"secret_id": "payments/db/primary", "include_deprecated": true});
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ops.list_secret_version_ids(input(ask))
    };
    let all = data(ask(json!({})).await).unwrap();
    assert_eq!(all["count"], 3, "{all}");
    let first = data(ask(json!({"max_results": 2})).await).unwrap();
    let rest = data(ask(json!({"next_token": first["next_token"]})).await).unwrap();
    assert_eq!((&first["count"], &rest["count"]), (&json!(2), &json!(1)));
    let staged = data(ask(json!({"include_deprecated": false})).await).unwrap();
    assert_eq!(staged["count"], 2, "{staged}");
}

#[tokio::test]
async fn a_rotation_keeps_the_old_value_and_needs_a_function() {
    let ops = ops("development").await;
    let id = json!({"secret_id": "payments/db/primary"});
    let value = |stage: &str| {
        let ask = json!({"secret_id": "payments/db/primary", "version_stage": stage});
        ops.get_secret_value(input(ask))
    };
    let before = data(value("AWSCURRENT").await).unwrap();
    let rotated = data(ops.rotate_secret(input(id.clone())).await).unwrap();
    let now = data(value("AWSCURRENT").await).unwrap();
    assert_eq!(now["version_id"], rotated["version_id"]);
    assert_ne!(now["secret_string"], before["secret_string"]);
    let former = data(value("AWSPREVIOUS").await).unwrap();
    assert_eq!(former["secret_string"], before["secret_string"]);

    let web = "web/session-signing-key";
    let error = data(ops.rotate_secret(input(json!({"secret_id": web}))).await).unwrap_err();
    assert!(error.to_string().contains("No Lambda rotation function"), "{error}");
    let function = "arn:aws:lambda:us-east-1:444444444444:function:acme-rotate";
    let set = json!({
        "secret_id": web, "rotation_lambda_arn": function, "automatically_after_days": 7, "rotate_immediately": false,
    });
    let set = data(ops.rotate_secret(input(set)).await).unwrap();
    assert_eq!(set.get("version_id"), None);
    let about = data(ops.describe_secret(input(json!({"secret_id": web}))).await).unwrap();
    assert_eq!(
        (
            &about["rotation_schedule"],
            &about["rotation_lambda_arn"],
            about.get("last_rotated_date")
        ),
        (&json!("every 7 days"), &json!(function), None)
    );
    for (wrong, expected) in [
        (json!({"automatically_after_days": 0}), "1 to 1000"),
        (
            json!({"automatically_after_days": 7, "schedule_expression": "rate(10 days)"}),
            "exclude",
        ),
        (json!({"rotate_immediately": false}), "nothing to do"),
        (json!({"rotation_lambda_arn": "acme-rotate"}), "arn:aws:lambda"),
    ] {
        let mut ask = id.clone();
        ask.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let error = data(ops.rotate_secret(input(ask)).await).unwrap_err();
        assert!(
            error.code() == ErrorCode::InvalidInput && error.to_string().contains(expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn tags_come_and_go_and_what_is_deleted_comes_back() {
    let ops = ops("development").await;
    let id = "web/session-signing-key";
    let change = json!({"secret_id": id, "tags": {"owner": "x", "team": "platform"}, "untag": ["environment"]});
    data(ops.tag_secret(input(change)).await).unwrap();
    let about = || async { data(ops.describe_secret(input(json!({"secret_id": id}))).await).unwrap() };
    assert_eq!(about().await["tags"], json!({"owner": "x", "team": "platform"}));
    for (wrong, expected) in [
        (json!({"secret_id": id}), "nothing to change"),
        (
            json!({"secret_id": id, "tags": {"a": "b"}, "untag": ["a"]}),
            "in tags and in untag",
        ),
    ] {
        let error = data(ops.tag_secret(input(wrong)).await).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    data(
        ops.delete_secret(input(json!({"secret_id": id, "recovery_window_in_days": 7})))
            .await,
    )
    .unwrap();
    assert!(about().await["deleted_date"].as_str().unwrap().contains("(in "));
    for _ in 0..2 {
        data(ops.restore_secret(input(json!({"secret_id": id}))).await).unwrap();
    }
    assert_eq!(about().await.get("deleted_date"), None);
}

#[tokio::test]
async fn a_policy_replaces_another_that_the_answer_keeps() {
    let ops = ops("development").await;
    let id = "web/session-signing-key";
    let policy = |principal: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        }]})
    };
    let read = || async { data(ops.get_secret_policy(input(json!({"secret_id": id}))).await).unwrap() };
    assert_eq!(read().await.get("policy"), None);
    let (one, two) = (
        policy("arn:aws:iam::333333333333:root"),
        policy("arn:aws:iam::222222222222:root"),
    );
    let put = |policy: serde_json::Value| ops.put_secret_policy(input(json!({"secret_id": id, "policy": policy})));
    assert_eq!(data(put(one.clone()).await).unwrap().get("previous_policy"), None);
    assert_eq!(data(put(json!(two.to_string())).await).unwrap()["previous_policy"], one);
    assert_eq!(read().await["policy"], two);
    let error = data(put(policy("*")).await).unwrap_err();
    assert!(error.to_string().contains("PublicPolicyException"), "{error}");
    let error = data(put(json!(null)).await).unwrap_err();
    assert!(
        error.code() == ErrorCode::InvalidInput && error.to_string().contains("never deletes"),
        "{error}"
    );
    assert_eq!(read().await["policy"], two);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_may_have_been_replaced_is_told_with_the_error() {
    let third = |request: &str| request.contains("PutResourcePolicy") && request.contains("222222222222");
    let (ops, lost) = ops_that_lose("development", third).await;
    let put = |account: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        }]});
        ops.put_secret_policy(input(json!({"secret_id": "web/session-signing-key", "policy": policy})))
    };
    data(put("333333333333").await).unwrap();
    let error = data(put("222222222222").await).unwrap_err();
    assert!(
        error.leaves_unknown() && error.to_string().contains("333333333333"),
        "{error}"
    );
    // AWS takes the same policy as often as it is sent.
    assert_eq!(lost.load(std::sync::atomic::Ordering::SeqCst), 3);
}
