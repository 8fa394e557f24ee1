//! A secret's value: read, created, replaced, deleted.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::{Client, primitives::Blob};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, dated};

use super::as_tags;

/// Arguments of `get_secret_value`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetSecretValue {
    /// Name or ARN
    secret_id: String,
    version_id: Option<String>,
    /// Such as AWSCURRENT (default) or AWSPREVIOUS
    version_stage: Option<String>,
}

/// Answer of `get_secret_value`.
#[derive(Serialize, JsonSchema)]
pub(super) struct SecretValue {
    name: String,
    arn: String,
    version_id: String,
    version_stages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<String>,
    /// Base64
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<String>,
}

/// Arguments of `create_secret`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSecret {
    name: String,
    /// JSON for several fields
    secret_string: Option<String>,
    /// Base64, instead of secret_string
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    /// UUID: a repeated call does nothing
    client_request_token: Option<String>,
}

/// Arguments of `update_secret`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateSecret {
    /// Name or ARN
    secret_id: String,
    secret_string: Option<String>,
    /// Base64, instead of secret_string
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    /// UUID: a repeated call does nothing
    client_request_token: Option<String>,
}

/// Answer of `create_secret` and `update_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SecretVersion {
    name: String,
    arn: String,
    /// Absent when the value did not change
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

/// Arguments of `delete_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteSecret {
    /// Name or ARN
    secret_id: String,
    /// 7 to 30 (default)
    recovery_window_in_days: Option<i64>,
    /// Delete at once, for good. Only when explicitly asked for
    force_delete_without_recovery: Option<bool>,
}

/// Answer of `delete_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeletedSecret {
    name: String,
    arn: String,
    /// Until then it can be restored
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<String>,
}

pub(super) async fn get(ops: &Ops, input: GetSecretValue) -> Result<SecretValue, OpError> {
    let request = ops.client(Client::new)?.get_secret_value().secret_id(input.secret_id);
    let answer = request
        .set_version_id(input.version_id)
        .set_version_stage(input.version_stage)
        .send()
        .await?;
    Ok(SecretValue {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        version_id: answer.version_id.unwrap_or_default(),
        version_stages: answer.version_stages.unwrap_or_default(),
        created_date: answer.created_date.map(|t| dated(&t, ops.now())),
        secret_string: answer.secret_string,
        secret_binary: answer.secret_binary.map(|b| BASE64_STANDARD.encode(b)),
    })
}

pub(super) async fn create(client: &Client, input: CreateSecret) -> Result<SecretVersion, OpError> {
    if input.secret_string.is_none() && input.secret_binary.is_none() {
        return Err(OpError::InvalidInput("give secret_string or secret_binary".to_owned()));
    }
    let (text, binary) = value(input.secret_string, input.secret_binary)?;
    let answer = client
        .create_secret()
        .name(input.name)
        .set_secret_string(text)
        .set_secret_binary(binary)
        .set_description(input.description)
        .set_kms_key_id(input.kms_key_id)
        .set_tags(input.tags.and_then(as_tags))
        // The SDK makes a token where the call brings none, so that its own retries create one secret.
        .set_client_request_token(input.client_request_token)
        .send()
        .await?;
    Ok(SecretVersion {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        version_id: answer.version_id,
    })
}

pub(super) async fn update(client: &Client, input: UpdateSecret) -> Result<SecretVersion, OpError> {
    let (text, binary) = value(input.secret_string, input.secret_binary)?;
    if text.is_none() && binary.is_none() && input.description.is_none() && input.kms_key_id.is_none() {
        return Err(OpError::InvalidInput(
            "nothing to change: give secret_string, secret_binary, description or kms_key_id".to_owned(),
        ));
    }
    let answer = client
        .update_secret()
        .secret_id(input.secret_id)
        .set_secret_string(text)
        .set_secret_binary(binary)
        .set_description(input.description)
        .set_kms_key_id(input.kms_key_id)
        .set_client_request_token(input.client_request_token)
        .send()
        .await?;
    Ok(SecretVersion {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        version_id: answer.version_id,
    })
}

pub(super) async fn delete(ops: &Ops, input: DeleteSecret) -> Result<DeletedSecret, OpError> {
    let force = input.force_delete_without_recovery.unwrap_or_default();
    let window = match (input.recovery_window_in_days, force) {
        (Some(_), true) => {
            return Err(OpError::InvalidInput(
                "recovery_window_in_days and force_delete_without_recovery exclude each other".to_owned(),
            ));
        }
        (Some(days), false) if !(7..=30).contains(&days) => {
            return Err(OpError::InvalidInput(format!(
                "recovery_window_in_days is {days}; AWS allows 7 to 30"
            )));
        }
        (None, true) => None,
        (days, false) => Some(days.unwrap_or(30)),
    };
    let answer = ops
        .client(Client::new)?
        .delete_secret()
        .secret_id(input.secret_id)
        .set_recovery_window_in_days(window)
        .set_force_delete_without_recovery(window.is_none().then_some(true))
        .send()
        .await?;
    Ok(DeletedSecret {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        deletion_date: answer.deletion_date.map(|t| dated(&t, ops.now())),
    })
}

/// At most one of the two forms of a value.
fn value(text: Option<String>, binary: Option<String>) -> Result<(Option<String>, Option<Blob>), OpError> {
    if text.is_some() && binary.is_some() {
        return Err(OpError::InvalidInput(
            "secret_string and secret_binary exclude each other".to_owned(),
        ));
    }
    let decoded = binary.map(|b| BASE64_STANDARD.decode(b.trim())).transpose();
    // The decoder's message quotes a byte of the secret.
    let decoded = decoded.map_err(|_| OpError::InvalidInput("secret_binary is not valid base64".to_owned()))?;
    Ok((text, decoded.map(Blob::new)))
}
