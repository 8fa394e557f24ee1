//! What there is to know of a secret but its value.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::{Client, types::RotationRulesType};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated};

use super::shown_tags;

/// The key of secrets that name none.
const AWS_KEY: &str = "aws/secretsmanager";

/// Arguments of `describe_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeSecret {
    /// Name or ARN
    secret_id: String,
}

/// Answer of `describe_secret`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SecretDetails {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Scheduled for deletion: restore_secret takes that back
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_date: Option<String>,
    rotation_enabled: bool,
    /// Such as "every 30 days", "cron(0 8 1 * ? *)"
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_lambda_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rotated_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_date: Option<String>,
    /// A version that is AWSPENDING and nothing else
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_rotation: Option<String>,
    kms_key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_changed_date: Option<String>,
    /// To the day
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owning_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_region: Option<String>,
    /// Region and state of each replica
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    replicas: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    /// Those that have a stage; list_secret_version_ids knows their dates
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<StagedVersion>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StagedVersion {
    version_stages: Vec<String>,
    version_id: String,
}

/// Arguments of `list_secret_version_ids`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSecretVersionIds {
    /// Name or ARN
    secret_id: String,
    /// Also those without a stage
    include_deprecated: Option<bool>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_secret_version_ids`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VersionList {
    /// How many are in this answer
    count: usize,
    versions: Vec<Version>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Version {
    version_id: String,
    /// None: deprecated, AWS may delete it
    version_stages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_date: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kms_key_ids: Vec<String>,
}

pub(super) async fn describe(ops: &Ops, input: DescribeSecret) -> Result<SecretDetails, OpError> {
    let request = ops.client(Client::new)?.describe_secret().secret_id(input.secret_id);
    let answer = request.send().await?;
    let now = ops.now();
    let stages = answer.version_ids_to_stages.unwrap_or_default().into_iter();
    let mut versions: Vec<StagedVersion> = stages
        .map(|(version_id, mut version_stages)| {
            version_stages.sort();
            StagedVersion {
                version_stages,
                version_id,
            }
        })
        .collect();
    // AWSCURRENT, AWSPENDING, AWSPREVIOUS, and then stages of the users' own.
    versions.sort_by(|a, b| (&a.version_stages, &a.version_id).cmp(&(&b.version_stages, &b.version_id)));
    let pending = versions.iter().find(|v| v.version_stages == ["AWSPENDING"]);
    let pending_rotation = pending.map(|v| {
        format!(
            "version {} is AWSPENDING and not yet AWSCURRENT: a rotation is under way, or has failed",
            v.version_id
        )
    });
    let replicas = answer.replication_status.unwrap_or_default().into_iter();
    Ok(SecretDetails {
        name: answer.name.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        description: answer.description.filter(|d| !d.is_empty()),
        deleted_date: answer.deleted_date.map(|t| dated(&t, now)),
        rotation_enabled: answer.rotation_enabled.unwrap_or_default(),
        rotation_schedule: answer.rotation_rules.and_then(schedule),
        rotation_lambda_arn: answer.rotation_lambda_arn,
        last_rotated_date: answer.last_rotated_date.map(|t| dated(&t, now)),
        next_rotation_date: answer.next_rotation_date.map(|t| dated(&t, now)),
        pending_rotation,
        kms_key_id: answer.kms_key_id.unwrap_or_else(|| AWS_KEY.to_owned()),
        created_date: answer.created_date.map(|t| dated(&t, now)),
        last_changed_date: answer.last_changed_date.map(|t| dated(&t, now)),
        last_accessed_date: answer.last_accessed_date.map(|t| dated(&t, now)),
        owning_service: answer.owning_service,
        primary_region: answer.primary_region,
        replicas: replicas
            .filter_map(|r| {
                let state = r.status.map_or_else(|| "unknown".to_owned(), |s| s.as_str().to_owned());
                let why = r.status_message.filter(|_| state == "Failed");
                Some((r.region?, why.map_or(state.clone(), |why| format!("{state}: {why}"))))
            })
            .collect(),
        tags: shown_tags(answer.tags),
        versions,
    })
}

pub(super) async fn versions(ops: &Ops, input: ListSecretVersionIds) -> Result<VersionList, OpError> {
    let (client, now) = (ops.client(Client::new)?, ops.now());
    let page = |token, size| {
        let request = client
            .list_secret_version_ids()
            .secret_id(&input.secret_id)
            .set_include_deprecated(input.include_deprecated);
        async move {
            let answer = request.max_results(size).set_next_token(token).send().await?;
            let items = answer.versions.unwrap_or_default().into_iter().map(|v| Version {
                version_id: v.version_id.unwrap_or_default(),
                version_stages: v.version_stages.unwrap_or_default(),
                created_date: v.created_date.map(|t| dated(&t, now)),
                last_accessed_date: v.last_accessed_date.map(|t| dated(&t, now)),
                kms_key_ids: v.kms_key_ids.unwrap_or_default(),
            });
            Ok(Page {
                items: items.collect(),
                next: answer.next_token,
            })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(100, page)
        .await?;
    Ok(VersionList {
        count: items.len(),
        versions: items,
        next_token: next,
    })
}

/// When a secret is rotated, in words.
fn schedule(rules: RotationRulesType) -> Option<String> {
    let days = rules.automatically_after_days.map(|days| format!("every {days} days"));
    let when = rules.schedule_expression.or(days)?;
    Some(match rules.duration {
        Some(window) => format!("{when}, within {window}"),
        None => when,
    })
}
