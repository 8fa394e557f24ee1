//! Secrets Manager.

use serde_json::{Value, json};

use crate::support::{calls::Calls, unique};

use super::{Step, Things, here};

const MADE: [&str; 5] = [
    "secret kept",
    "secret doomed",
    "secret deleted",
    "secret made",
    "secret tagged",
];

pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    for name in MADE {
        things.set(name, unique("every"));
    }
    for name in ["secret kept", "secret doomed", "secret deleted"] {
        let arguments = json!({ "name": things.get(name), "secret_string": "value" });
        world.ok("create_secret", here(arguments)).await;
    }
    // The other emulator restores only what was deleted.
    let deleted = json!({ "secret_id": things.get("secret deleted") });
    world.ok("delete_secret", here(deleted)).await;
}

pub(crate) async fn forget(world: &impl Calls, things: &Things) {
    for name in MADE {
        let arguments = json!({ "secret_id": things.get(name), "force_delete_without_recovery": true });
        world.call("delete_secret", here(arguments)).await;
    }
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
    let secret = |name: &str| json!({ "secret_id": things.get(name) });
    let with = |mut arguments: Value, name: &str, value: Value| {
        arguments[name] = value;
        arguments
    };
    let function = format!(
        "arn:aws:lambda:us-east-1:{}:function:acme-rotate",
        crate::support::iam::ACCOUNT
    );
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", crate::support::iam::ACCOUNT) },
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }]});
    let value = |name: &str| json!({ "name": things.get(name), "secret_string": "x" });
    vec![
        Step::new("list_secrets", json!({}), &["secretsmanager:ListSecrets"], "ok"),
        Step::new(
            "get_secret_value",
            secret("secret kept"),
            &["secretsmanager:GetSecretValue"],
            "ok",
        ),
        Step::new(
            "create_secret",
            value("secret made"),
            &["secretsmanager:CreateSecret"],
            "ok",
        ),
        // Only tags need the second action: "If you include tags in the secret, you also need secretsmanager:TagResource" (CreateSecret).
        Step::new(
            "create_secret",
            with(value("secret tagged"), "tags", json!({ "team": "sre" })),
            &["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            "ok",
        )
        .unasked(&["secretsmanager:TagResource"]),
        Step::new(
            "describe_secret",
            secret("secret kept"),
            &["secretsmanager:DescribeSecret"],
            "ok",
        ),
        Step::new(
            "list_secret_version_ids",
            secret("secret kept"),
            &["secretsmanager:ListSecretVersionIds"],
            "ok",
        ),
        Step::new(
            "tag_secret",
            with(secret("secret kept"), "tags", json!({ "team": "sre" })),
            &["secretsmanager:TagResource"],
            "ok",
        ),
        Step::new(
            "tag_secret",
            with(secret("secret kept"), "untag", json!(["team"])),
            &["secretsmanager:UntagResource"],
            "ok",
        ),
        Step::new("tag_secret", secret("secret kept"), &[], "invalid_input"),
        Step::new(
            "put_secret_policy",
            with(secret("secret kept"), "policy", policy),
            &["secretsmanager:PutResourcePolicy", "secretsmanager:GetResourcePolicy"],
            "ok",
        ),
        Step::new(
            "put_secret_policy",
            with(secret("secret kept"), "policy", Value::Null),
            &[],
            "invalid_input",
        ),
        Step::new(
            "get_secret_policy",
            secret("secret kept"),
            &["secretsmanager:GetResourcePolicy"],
            "ok",
        ),
        Step::new(
            "rotate_secret",
            with(secret("secret kept"), "rotation_lambda_arn", json!(function)),
            &["secretsmanager:RotateSecret", "lambda:InvokeFunction"],
            "ok",
        )
        .unasked(&["lambda:InvokeFunction"]),
        Step::new(
            "update_secret",
            with(secret("secret kept"), "secret_string", json!("y")),
            &["secretsmanager:UpdateSecret"],
            "ok",
        ),
        Step::new(
            "delete_secret",
            secret("secret doomed"),
            &["secretsmanager:DeleteSecret"],
            "ok",
        ),
        Step::new(
            "restore_secret",
            secret("secret deleted"),
            &["secretsmanager:RestoreSecret"],
            "ok",
        ),
        Step::new(
            "describe_secret",
            json!({ "secret_id": "no/such/secret" }),
            &["secretsmanager:DescribeSecret"],
            "not_found",
        ),
    ]
}
