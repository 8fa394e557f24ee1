//! Listing secrets.

use std::{collections::BTreeMap, time::SystemTime};

use aws_sdk_secretsmanager::{
    Client,
    types::{Filter, FilterNameStringType, SecretListEntry},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated};

use super::shown_tags;

/// Arguments of `list_secrets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSecrets {
    /// All must match
    #[serde(default)]
    #[schemars(extend("default" = null))]
    filters: Vec<SecretFilter>,
    /// Also those scheduled for deletion
    include_planned_deletion: Option<bool>,
    /// Default 1000, at most 10000
    max_results: Option<u32>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline, description = "")]
struct SecretFilter {
    key: SecretFilterKey,
    /// Prefixes, any may match; a leading ! negates
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline, description = "")]
enum SecretFilterKey {
    Name,
    Description,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

/// Answer of `list_secrets`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SecretList {
    /// How many are in this answer
    count: usize,
    /// Of these
    scheduled_for_deletion: usize,
    /// Of these
    without_rotation: usize,
    secrets: Vec<SecretSummary>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One secret, without its value.
#[derive(Debug, Serialize, JsonSchema)]
struct SecretSummary {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_date: Option<String>,
    /// Scheduled for deletion
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_date: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

pub(super) async fn list(ops: &Ops, input: ListSecrets) -> Result<SecretList, OpError> {
    let (client, now) = (ops.client(Client::new)?, ops.now());
    let filters: Vec<Filter> = input.filters.iter().map(filter).collect();
    let page = |token, size| {
        let request = client
            .list_secrets()
            .set_filters(Some(filters.clone()))
            .set_include_planned_deletion(input.include_planned_deletion);
        async move {
            let answer = request.max_results(size).set_next_token(token).send().await?;
            let entries = answer.secret_list.unwrap_or_default().into_iter();
            Ok(Page {
                items: entries.map(|entry| summary(entry, now)).collect(),
                next: answer.next_token,
            })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(100, page)
        .await?;
    let count = |which: fn(&SecretSummary) -> bool| items.iter().filter(|s| which(s)).count();
    Ok(SecretList {
        count: items.len(),
        scheduled_for_deletion: count(|s| s.deleted_date.is_some()),
        without_rotation: count(|s| s.rotation_enabled.is_none()),
        secrets: items,
        next_token: next,
    })
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

fn summary(entry: SecretListEntry, now: SystemTime) -> SecretSummary {
    SecretSummary {
        name: entry.name.unwrap_or_default(),
        arn: entry.arn.unwrap_or_default(),
        description: entry.description.filter(|d| !d.is_empty()),
        last_changed_date: entry.last_changed_date.map(|t| dated(&t, now)),
        last_accessed_date: entry.last_accessed_date.map(|t| dated(&t, now)),
        rotation_enabled: entry.rotation_enabled.filter(|on| *on),
        next_rotation_date: entry.next_rotation_date.map(|t| dated(&t, now)),
        deleted_date: entry.deleted_date.map(|t| dated(&t, now)),
        tags: shown_tags(entry.tags),
    }
}
