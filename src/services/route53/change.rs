//! Changing records: what a call asks for, and how it is done.

use std::collections::BTreeSet;

use aws_sdk_route53::{
    Client,
    types::{Change, ChangeAction, ChangeBatch, ResourceRecordSet},
};
use rmcp::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops};

use super::{
    ChangeStatus, check, once,
    record::{Record, bare, normal},
    status, zone_id,
};

/// Arguments of `change_resource_record_sets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeResourceRecordSets {
    hosted_zone_id: String,
    changes: Vec<RecordChange>,
    comment: Option<String>,
}

/// One change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline, description = "", transform = bare)]
pub(super) struct RecordChange {
    pub(super) action: RecordAction,
    pub(super) resource_record_set: Record,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RecordAction {
    /// Fails if it exists.
    Create,
    /// Creates or replaces.
    Upsert,
    /// Every value must be the current one.
    Delete,
}

// Written by hand and short: the variants' words would stand in every client's context.
impl JsonSchema for RecordAction {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RecordAction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["CREATE", "UPSERT", "DELETE"] })
    }
}

impl RecordAction {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        }
    }
}

/// Answer of `change_resource_record_sets`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangedRecords {
    change: ChangeStatus,
    diff: Vec<RecordDiff>,
}

/// A record before and after.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RecordDiff {
    action: RecordAction,
    /// Absent: there was none
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Record>,
    /// Absent: there is none any more
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Record>,
}

/// Makes the changes, and tells what they changed.
pub(super) async fn make(
    ops: &Ops,
    client: &Client,
    input: ChangeResourceRecordSets,
) -> Result<ChangedRecords, OpError> {
    let zone = zone_id(&input.hosted_zone_id)?;
    check::alone(&input.changes)?;
    let changes: Vec<Change> = input.changes.iter().map(change).collect::<Result<_, _>>()?;
    let touched: BTreeSet<String> = input
        .changes
        .iter()
        .map(|c| normal(&c.resource_record_set.name))
        .collect();
    let mut before = Vec::new();
    for name in touched {
        before.extend(current(client, zone, Some(&name)).await?);
    }
    check::together(&input.changes, &before)?;
    let batch = ChangeBatch::builder()
        .set_changes(Some(changes))
        .set_comment(input.comment)
        .build();
    let batch = batch.map_err(|e| OpError::InvalidInput(e.to_string()))?;
    let request = client
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch);
    let answer = request.customize().config_override(once()).send().await?;
    let diff = input.changes.into_iter().map(|c| {
        let before = before.iter().find(|b| b.same_set(&c.resource_record_set)).cloned();
        let after = (c.action != RecordAction::Delete).then_some(c.resource_record_set);
        RecordDiff {
            action: c.action,
            before,
            after,
        }
    });
    Ok(ChangedRecords {
        diff: diff.collect(),
        change: status(answer.change_info, ops.now())?,
    })
}

fn change(change: &RecordChange) -> Result<Change, OpError> {
    let set = ResourceRecordSet::try_from(&change.resource_record_set)?;
    Change::builder()
        .action(ChangeAction::from(change.action.as_str()))
        .resource_record_set(set)
        .build()
        .map_err(|e| OpError::InvalidInput(e.to_string()))
}

/// A zone's records as they are now: those of one name, or all.
pub(super) async fn current(client: &Client, zone: &str, name: Option<&str>) -> Result<Vec<Record>, OpError> {
    let wanted = |other: &str| name.is_none_or(|name| normal(other) == name);
    let mut found = Vec::new();
    let mut next = Some((name.map(str::to_owned), None, None));
    while let Some((start, r#type, identifier)) = next.take() {
        let request = client.list_resource_record_sets().hosted_zone_id(zone).max_items(300);
        let request = request
            .set_start_record_name(start)
            .set_start_record_type(r#type)
            .set_start_record_identifier(identifier);
        let answer = request.send().await?;
        let records = answer.resource_record_sets.into_iter().map(Record::from);
        found.extend(records.filter(|r| wanted(&r.name)));
        if answer.is_truncated && answer.next_record_name.as_deref().is_some_and(wanted) {
            next = Some((
                answer.next_record_name,
                answer.next_record_type,
                answer.next_record_identifier,
            ));
        }
    }
    Ok(found)
}
