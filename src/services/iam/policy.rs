//! Managed policies.

use std::collections::BTreeMap;

use aws_sdk_iam::{Client, types::PolicyScopeType};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ops::{OpError, Ops, dated};

use super::{document::decoded, role::tags};

/// Arguments of `get_policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetPolicy {
    /// ARN or name, the account's own or AWS's
    policy: String,
    /// Such as v2; the default version without it
    version_id: Option<String>,
}

/// Answer of `get_policy`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PolicyDetails {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Users, groups and roles that have it
    attachment_count: i32,
    /// Users and roles that it bounds
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_usage_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    /// The shown version
    version_id: String,
    document: Value,
    versions: Vec<Version>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// One version of a policy.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Version {
    version_id: String,
    /// The one in force
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

pub(super) async fn get(ops: &Ops, client: &Client, input: GetPolicy) -> Result<PolicyDetails, OpError> {
    let arn = match input.policy {
        arn if arn.starts_with("arn:") => arn,
        name => find(client, &name).await?,
    };
    let now = ops.now();
    let policy = client.get_policy().policy_arn(&arn).send().await?.policy;
    let policy = policy.ok_or_else(|| OpError::internal("GetPolicy answered without a policy"))?;
    let version_id = input.version_id.or(policy.default_version_id).unwrap_or_default();
    let version = client.get_policy_version().policy_arn(&arn).version_id(&version_id);
    let version = version.send().await?.policy_version;
    let versions = client.list_policy_versions().policy_arn(&arn).into_paginator();
    let versions: Vec<_> = versions.items().send().try_collect().await?;
    Ok(PolicyDetails {
        name: policy.policy_name.unwrap_or_default(),
        arn,
        description: policy.description.filter(|d| !d.is_empty()),
        attachment_count: policy.attachment_count.unwrap_or_default(),
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count.filter(|n| *n > 0),
        created: policy.create_date.map(|t| dated(&t, now)),
        updated: policy.update_date.map(|t| dated(&t, now)),
        document: version.and_then(|v| v.document).map_or(Value::Null, |d| decoded(&d)),
        version_id,
        versions: versions
            .into_iter()
            .map(|v| Version {
                version_id: v.version_id.unwrap_or_default(),
                default: v.is_default_version,
                created: v.create_date.map(|t| dated(&t, now)),
            })
            .collect(),
        tags: tags(policy.tags),
    })
}

/// The ARN of the policy with this name: only a list tells under which path it is. The account's own come first.
async fn find(client: &Client, name: &str) -> Result<String, OpError> {
    for scope in [PolicyScopeType::Local, PolicyScopeType::Aws] {
        let pages = client.list_policies().scope(scope).into_paginator().page_size(1000);
        let mut policies = pages.items().send();
        while let Some(policy) = policies.try_next().await? {
            if policy.policy_name() == Some(name) {
                return Ok(policy.arn.unwrap_or_default());
            }
        }
    }
    Err(OpError::NotFound(format!(
        "neither the account nor AWS has a managed policy of the name `{name}` (names are case-sensitive; get_role shows inline policies)"
    )))
}
