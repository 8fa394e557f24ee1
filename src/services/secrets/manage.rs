//! What is done with a secret that leaves its value alone: restored, rotated, tagged, opened to others.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::{Client, types::RotationRulesType};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ops::OpError;

use super::as_tags;

/// Arguments of `restore_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreSecret {
    /// Name or ARN
    secret_id: String,
}

/// Answer of `restore_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RestoredSecret {
    name: String,
    arn: String,
}

/// Arguments of `rotate_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateSecret {
    /// Name or ARN
    secret_id: String,
    rotation_lambda_arn: Option<String>,
    /// 1 to 1000
    automatically_after_days: Option<i64>,
    /// Instead of days: rate(…) or cron(…)
    schedule_expression: Option<String>,
    /// False: only set the schedule
    rotate_immediately: Option<bool>,
}

/// Answer of `rotate_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RotatedSecret {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    /// What happens now
    note: String,
}

/// Arguments of `tag_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagSecret {
    /// Name or ARN
    secret_id: String,
    tags: Option<BTreeMap<String, String>>,
    /// Keys to remove
    untag: Option<Vec<String>>,
}

/// Answer of `tag_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SecretTags {
    secret_id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tagged: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    untagged: Vec<String>,
}

/// Arguments of `get_secret_policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetSecretPolicy {
    /// Name or ARN
    secret_id: String,
}

/// Answer of `get_secret_policy`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SecretPolicy {
    name: String,
    arn: String,
    /// Absent: there is none, and the account's IAM policies alone decide
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Value>,
}

/// Arguments of `put_secret_policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutSecretPolicy {
    /// Name or ARN
    secret_id: String,
    #[schemars(with = "Map<String, Value>", extend("additionalProperties" = true))]
    policy: Value,
    /// Default true: refuse one that lets anybody in
    block_public_policy: Option<bool>,
}

/// Answer of `put_secret_policy`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PuttedPolicy {
    name: String,
    arn: String,
    /// What was replaced; absent if there was none
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_policy: Option<Value>,
}

pub(super) async fn restore(client: &Client, input: RestoreSecret) -> Result<RestoredSecret, OpError> {
    let answer = client.restore_secret().secret_id(input.secret_id).send().await?;
    Ok(RestoredSecret {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
    })
}

pub(super) async fn rotate(client: &Client, input: RotateSecret) -> Result<RotatedSecret, OpError> {
    let (days, expression) = (input.automatically_after_days, input.schedule_expression);
    let function = input.rotation_lambda_arn;
    let now = input.rotate_immediately.unwrap_or(true);
    let refuse = |why: String| Err(OpError::InvalidInput(why));
    match days {
        Some(_) if expression.is_some() => {
            return refuse("automatically_after_days and schedule_expression exclude each other".to_owned());
        }
        Some(days) if !(1..=1000).contains(&days) => {
            return refuse(format!("automatically_after_days is {days}; AWS allows 1 to 1000"));
        }
        None if expression.is_none() && !now => {
            return refuse(
                "nothing to do: with rotate_immediately false, give automatically_after_days or schedule_expression"
                    .to_owned(),
            );
        }
        _ => {}
    }
    if let Some(arn) = function.as_deref().filter(|arn| !is_function(arn)) {
        return refuse(format!(
            "rotation_lambda_arn `{arn}`: expected arn:aws:lambda:REGION:ACCOUNT:function:NAME"
        ));
    }
    let rules = (days.is_some() || expression.is_some()).then(|| {
        RotationRulesType::builder()
            .set_automatically_after_days(days)
            .set_schedule_expression(expression)
            .build()
    });
    let answer = client
        .rotate_secret()
        .secret_id(input.secret_id)
        .set_rotation_lambda_arn(function)
        .set_rotation_rules(rules)
        .rotate_immediately(now)
        .send()
        .await?;
    let note = if now {
        "the function makes the new version now and tests it before it becomes AWSCURRENT; the old one stays as \
         AWSPREVIOUS. describe_secret shows how far it is."
    } else {
        "the schedule is set, and the value unchanged; AWS tests the function with a version that it takes away again."
    };
    Ok(RotatedSecret {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        version_id: answer.version_id.filter(|_| now),
        note: note.to_owned(),
    })
}

fn is_function(arn: &str) -> bool {
    let mut parts = arn.split(':');
    parts.next() == Some("arn") && parts.nth(1) == Some("lambda") && parts.nth(2) == Some("function")
}

pub(super) async fn tag(client: &Client, input: TagSecret) -> Result<SecretTags, OpError> {
    let (tagged, untagged) = (input.tags.unwrap_or_default(), input.untag.unwrap_or_default());
    if tagged.is_empty() && untagged.is_empty() {
        return Err(OpError::InvalidInput(
            "nothing to change: give tags or untag".to_owned(),
        ));
    }
    if let Some(both) = untagged.iter().find(|key| tagged.contains_key(*key)) {
        return Err(OpError::InvalidInput(format!("`{both}` is in tags and in untag")));
    }
    if let Some(tags) = as_tags(tagged.clone()) {
        let request = client.tag_resource().secret_id(&input.secret_id);
        request.set_tags(Some(tags)).send().await?;
    }
    if !untagged.is_empty() {
        let request = client.untag_resource().secret_id(&input.secret_id);
        let removed = request.set_tag_keys(Some(untagged.clone())).send().await;
        removed.map_err(|error| match (OpError::from(error), tagged.is_empty()) {
            (error, true) => error,
            (error, false) => error.although("The new tags had been set; it is the removal of the others that failed"),
        })?;
    }
    Ok(SecretTags {
        secret_id: input.secret_id,
        tagged,
        untagged,
    })
}

pub(super) async fn policy(client: &Client, input: GetSecretPolicy) -> Result<SecretPolicy, OpError> {
    let answer = client.get_resource_policy().secret_id(input.secret_id).send().await?;
    Ok(SecretPolicy {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        policy: answer.resource_policy.and_then(parsed),
    })
}

pub(super) async fn put_policy(client: &Client, input: PutSecretPolicy) -> Result<PuttedPolicy, OpError> {
    let policy = document(input.policy).map_err(OpError::InvalidInput)?;
    // What is replaced would be lost otherwise: AWS keeps no history of policies.
    let before = client.get_resource_policy().secret_id(&input.secret_id).send().await?;
    let answer = client
        .put_resource_policy()
        .secret_id(input.secret_id)
        .resource_policy(policy)
        .block_public_policy(input.block_public_policy.unwrap_or(true))
        .send()
        .await
        .map_err(|error| replaced_perhaps(error.into(), before.resource_policy.as_deref()))?;
    Ok(PuttedPolicy {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        previous_policy: before.resource_policy.and_then(parsed),
    })
}

/// The error, with the previous policy where the new one may be in force: after another call that would be what is previous.
fn replaced_perhaps(error: OpError, before: Option<&str>) -> OpError {
    match before.filter(|before| !before.is_empty() && error.leaves_unknown()) {
        Some(before) => error.although(&format!("The policy until now was {before}")),
        None => error,
    }
}

/// A policy as AWS sent it: as JSON, or else as the text that it is.
fn parsed(policy: String) -> Option<Value> {
    (!policy.is_empty()).then(|| serde_json::from_str(&policy).unwrap_or(Value::String(policy)))
}

/// The policy as AWS takes it, given as JSON or as text that holds JSON.
fn document(policy: Value) -> Result<String, String> {
    let policy = match policy {
        Value::String(text) if !text.trim().is_empty() => {
            serde_json::from_str(&text).map_err(|e| format!("policy is not valid JSON: {e}"))?
        }
        other => other,
    };
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    if statements.is_empty() {
        return Err(
            "policy says nothing: give an object with a Statement. This tool replaces a policy and never deletes one; \
             to take access away, put a policy without the statement that gives it, or have whoever owns the account \
             call DeleteResourcePolicy"
                .to_owned(),
        );
    }
    for (n, statement) in statements.into_iter().enumerate() {
        let missing = [
            ("Effect", "Effect"),
            ("Principal", "NotPrincipal"),
            ("Action", "NotAction"),
        ]
        .into_iter()
        .find(|(name, not)| statement.get(name).is_none() && statement.get(not).is_none());
        if let Some((name, _)) = missing {
            return Err(format!("statement {} of the policy has no {name}", n + 1));
        }
    }
    Ok(policy.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_json_or_text_that_holds_it_and_says_something() {
        let good = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::1:root" }, "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        }]});
        assert_eq!(document(good.clone()).unwrap(), good.to_string());
        assert_eq!(document(json!(good.to_string())).unwrap(), good.to_string());
        for (wrong, expected) in [
            (json!(null), "never deletes"),
            (json!({}), "never deletes"),
            (json!(""), "never deletes"),
            (json!([]), "never deletes"),
            (json!({ "Statement": [] }), "never deletes"),
            (json!("{"), "not valid JSON"),
            (
                json!({ "Statement": [{ "Effect": "Allow", "Action": "*" }] }),
                "statement 1 of the policy has no Principal",
            ),
            (
                json!({ "Statement": { "Principal": "*", "Action": "*" } }),
                "has no Effect",
            ),
        ] {
            let why = document(wrong.clone()).unwrap_err();
            assert!(why.contains(expected), "{wrong}: {why}");
        }
    }

    #[test]
    fn a_policy_that_may_be_lost_is_told_with_the_error() {
        let lost = |error| replaced_perhaps(error, Some("{\"Version\":1}")).to_string();
        assert!(lost(OpError::Unreachable("reset".to_owned())).contains("until now was {\"Version\":1}"));
        assert!(!lost(OpError::InvalidInput("x".to_owned())).contains("Version"));
        assert_eq!(
            replaced_perhaps(OpError::Unreachable("reset".to_owned()), None).to_string(),
            "AWS did not answer: reset"
        );
    }

    #[test]
    fn a_function_is_named_by_its_arn() {
        assert!(is_function("arn:aws:lambda:us-east-1:444444444444:function:rotate"));
        for wrong in [
            "rotate",
            "arn:aws:iam::444444444444:role/x",
            "arn:aws:lambda:us-east-1:444444444444:layer:x",
        ] {
            assert!(!is_function(wrong), "{wrong}");
        }
    }
}
