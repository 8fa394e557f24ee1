//! AWS Secrets Manager.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::{
    Client,
    primitives::Blob,
    types::{Filter, FilterNameStringType, SecretListEntry, Tag},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{Access, Declare, Json, OpError, Ops, Page, Reply, declare, declare::idempotent, iso, ok};

/// A secret. AWS ends its ARN with six random characters, which calls need not know; one that is missing is judged by its name.
const SECRET: [&str; 2] = [
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret_id|arn}-??????",
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret_id|arn}",
];
/// A secret that does not exist yet. The characters are drawn when it is made: before that it has its name alone.
const NEW_SECRET: [&str; 2] = [
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????",
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}",
];

/// Arguments of `list_secrets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSecrets {
    /// All must match
    #[serde(default)]
    filters: Vec<SecretFilter>,
    /// Also those that are scheduled for deletion
    #[serde(default)]
    include_planned_deletion: bool,
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// A filter of `list_secrets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFilter {
    key: SecretFilterKey,
    /// Any may match; name, tag-key and tag-value match by prefix; a leading ! negates
    values: Vec<String>,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretFilterKey {
    /// The name.
    Name,
    /// The description.
    Description,
    /// A tag's key.
    TagKey,
    /// A tag's value.
    TagValue,
    /// The region that a replica copies.
    PrimaryRegion,
    /// The service that owns it.
    OwningService,
    /// Everything.
    All,
}

/// Answer of `list_secrets`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SecretList {
    secrets: Vec<SecretSummary>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One secret, without its value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SecretSummary {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_changed_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_enabled: Option<bool>,
    /// Scheduled for deletion
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_date: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// Arguments of `get_secret_value`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSecretValue {
    /// Name or ARN
    secret_id: String,
    version_id: Option<String>,
    /// Such as AWSCURRENT (default) or AWSPREVIOUS
    version_stage: Option<String>,
}

/// Answer of `get_secret_value`.
#[derive(Serialize, JsonSchema)]
pub struct SecretValue {
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
pub struct CreateSecret {
    /// Such as payments/db/primary
    name: String,
    /// Text value; JSON for several fields
    secret_string: Option<String>,
    /// Binary value in base64, instead of secret_string
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// UUID that makes a repeated call do nothing
    client_request_token: Option<String>,
}

/// Arguments of `update_secret`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSecret {
    /// Name or ARN
    secret_id: String,
    /// New text value
    secret_string: Option<String>,
    /// New binary value in base64
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    /// UUID that makes a repeated call do nothing
    client_request_token: Option<String>,
}

/// Answer of `create_secret` and `update_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SecretVersion {
    name: String,
    arn: String,
    /// Absent when the value did not change
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

/// Arguments of `delete_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteSecret {
    /// Name or ARN
    secret_id: String,
    /// Days in which it can be restored, 7 to 30 (default 30)
    #[schemars(range(min = 7, max = 30))]
    recovery_window_in_days: Option<i64>,
    /// Delete at once, for good. Only when explicitly asked for
    #[serde(default)]
    force_delete_without_recovery: bool,
}

/// Answer of `delete_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletedSecret {
    name: String,
    arn: String,
    /// Until then it can be restored
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<String>,
}

#[tool_router(router = secrets_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists secrets (names, tags, dates; never values). Example: {"account": "production", "filters": [{"key": "name", "values": ["payments/"]}]}
    #[tool(meta = declare(Access::Read, &["secretsmanager:ListSecrets"]))]
    async fn list_secrets(
        &self,
        Parameters(input): Parameters<ListSecrets>,
    ) -> Result<Json<Reply<SecretList>>, OpError> {
        let client = self.client(Client::new)?;
        let filters: Vec<Filter> = input.filters.iter().map(filter).collect();
        let deleted = input.include_planned_deletion;
        let page = |token, size| {
            let request = client
                .list_secrets()
                .set_filters(Some(filters.clone()))
                .include_planned_deletion(deleted);
            async move {
                let answer = request.max_results(size).set_next_token(token).send().await?;
                let items = answer
                    .secret_list
                    .unwrap_or_default()
                    .into_iter()
                    .map(summary)
                    .collect();
                Ok(Page {
                    items,
                    next: answer.next_token,
                })
            }
        };
        let Page { items, next } = self
            .pager(input.max_results, input.next_token)
            .collect(100, page)
            .await?;
        ok(SecretList {
            secrets: items,
            next_token: next,
        })
    }

    /// Reveals a secret's value. Use only when the value itself is needed; list_secrets shows what exists. Example: {"account": "staging", "secret_id": "payments/db/primary"}
    #[tool(meta = declare(Access::Reveal, &["secretsmanager:GetSecretValue"]).with_key(&["kms:Decrypt"]))]
    async fn get_secret_value(
        &self,
        Parameters(input): Parameters<GetSecretValue>,
    ) -> Result<Json<Reply<SecretValue>>, OpError> {
        let request = self.client(Client::new)?.get_secret_value().secret_id(input.secret_id);
        let answer = request
            .set_version_id(input.version_id)
            .set_version_stage(input.version_stage)
            .send()
            .await?;
        ok(SecretValue {
            name: answer.name.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            version_id: answer.version_id.unwrap_or_default(),
            version_stages: answer.version_stages.unwrap_or_default(),
            created_date: answer.created_date.as_ref().map(iso),
            secret_string: answer.secret_string,
            secret_binary: answer.secret_binary.map(|b| BASE64_STANDARD.encode(b)),
        })
    }

    /// Creates a secret. Fails if the name exists: then use update_secret. Example: {"account": "development", "name": "web/api-key", "secret_string": "…"}
    #[tool(meta = idempotent(declare(Access::Write, &["secretsmanager:CreateSecret", "secretsmanager:TagResource"]).on(&NEW_SECRET).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn create_secret(
        &self,
        Parameters(input): Parameters<CreateSecret>,
    ) -> Result<Json<Reply<SecretVersion>>, OpError> {
        if input.secret_string.is_none() && input.secret_binary.is_none() {
            return Err(OpError::InvalidInput("give secret_string or secret_binary".to_owned()));
        }
        let (text, binary) = value(input.secret_string, input.secret_binary)?;
        let tags: Vec<Tag> = input
            .tags
            .into_iter()
            .map(|(k, v)| Tag::builder().key(k).value(v).build())
            .collect();
        let request = self.client(Client::new)?.create_secret().name(input.name);
        let answer = request
            .set_secret_string(text)
            .set_secret_binary(binary)
            .set_description(input.description)
            .set_kms_key_id(input.kms_key_id)
            .set_tags((!tags.is_empty()).then_some(tags))
            // The SDK makes a token where the call brings none, so that its own retries create one secret.
            .set_client_request_token(input.client_request_token)
            .send()
            .await?;
        ok(SecretVersion {
            name: answer.name.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            version_id: answer.version_id,
        })
    }

    /// Sets a new value or description; the old value stays as AWSPREVIOUS. Example: {"account": "staging", "secret_id": "web/api-key", "secret_string": "…"}
    // Not idempotent: repeated without its token, it makes a second version, and AWSPREVIOUS is no longer the old value.
    #[tool(meta = declare(Access::Write, &["secretsmanager:UpdateSecret"]).on(&SECRET).with_key(&["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]))]
    async fn update_secret(
        &self,
        Parameters(input): Parameters<UpdateSecret>,
    ) -> Result<Json<Reply<SecretVersion>>, OpError> {
        let (text, binary) = value(input.secret_string, input.secret_binary)?;
        if text.is_none() && binary.is_none() && input.description.is_none() && input.kms_key_id.is_none() {
            return Err(OpError::InvalidInput(
                "nothing to change: give secret_string, secret_binary, description or kms_key_id".to_owned(),
            ));
        }
        let request = self.client(Client::new)?.update_secret().secret_id(input.secret_id);
        let answer = request
            .set_secret_string(text)
            .set_secret_binary(binary)
            .set_description(input.description)
            .set_kms_key_id(input.kms_key_id)
            .set_client_request_token(input.client_request_token)
            .send()
            .await?;
        ok(SecretVersion {
            name: answer.name.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            version_id: answer.version_id,
        })
    }

    /// Schedules a secret's deletion; it can be restored for 30 days unless told otherwise. Example: {"account": "development", "secret_id": "web/api-key", "recovery_window_in_days": 7}
    #[tool(meta = idempotent(declare(Access::Destroy, &["secretsmanager:DeleteSecret"]).on(&SECRET)))]
    async fn delete_secret(
        &self,
        Parameters(input): Parameters<DeleteSecret>,
    ) -> Result<Json<Reply<DeletedSecret>>, OpError> {
        let window = match (input.recovery_window_in_days, input.force_delete_without_recovery) {
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
        let request = self.client(Client::new)?.delete_secret().secret_id(input.secret_id);
        let request = request.set_recovery_window_in_days(window);
        let force = window.is_none().then_some(true);
        let answer = request.set_force_delete_without_recovery(force).send().await?;
        ok(DeletedSecret {
            name: answer.name.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            deletion_date: answer.deletion_date.as_ref().map(iso),
        })
    }
}

fn filter(filter: &SecretFilter) -> Filter {
    let key = match filter.key {
        SecretFilterKey::Name => FilterNameStringType::Name,
        SecretFilterKey::Description => FilterNameStringType::Description,
        SecretFilterKey::TagKey => FilterNameStringType::TagKey,
        SecretFilterKey::TagValue => FilterNameStringType::TagValue,
        SecretFilterKey::PrimaryRegion => FilterNameStringType::PrimaryRegion,
        SecretFilterKey::OwningService => FilterNameStringType::OwningService,
        SecretFilterKey::All => FilterNameStringType::All,
    };
    Filter::builder()
        .key(key)
        .set_values(Some(filter.values.clone()))
        .build()
}

fn summary(entry: SecretListEntry) -> SecretSummary {
    let tags = entry.tags.unwrap_or_default().into_iter();
    SecretSummary {
        name: entry.name.unwrap_or_default(),
        arn: entry.arn.unwrap_or_default(),
        description: entry.description.filter(|d| !d.is_empty()),
        last_changed_date: entry.last_changed_date.as_ref().map(iso),
        last_accessed_date: entry.last_accessed_date.as_ref().map(iso),
        rotation_enabled: entry.rotation_enabled.filter(|on| *on),
        deleted_date: entry.deleted_date.as_ref().map(iso),
        tags: tags
            .filter_map(|t| Some((t.key?, t.value.unwrap_or_default())))
            .collect(),
    }
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

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
