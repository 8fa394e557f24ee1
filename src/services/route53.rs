//! Amazon Route 53: zones, records, changes.

mod record;

use std::collections::BTreeSet;

use aws_sdk_route53::{
    Client,
    config::retry::RetryConfig,
    types::{Change, ChangeAction, ChangeBatch, ChangeInfo, ResourceRecordSet, RrType},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{
    Access, Declare, Json, OpError, Ops, Page, Reply, declare, iso, ok,
    page::{pack, unpack},
};

pub use record::{AliasTarget, Record};

/// Arguments of `list_hosted_zones`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListHostedZones {
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// Answer of `list_hosted_zones`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostedZoneList {
    hosted_zones: Vec<HostedZone>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One zone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostedZone {
    name: String,
    id: String,
    private_zone: bool,
    resource_record_set_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Arguments of `list_resource_record_sets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListResourceRecordSets {
    /// Such as Z0123456789ABCDEFGHIJ
    hosted_zone_id: String,
    /// Begin at this name, in Route 53's order
    start_record_name: Option<String>,
    /// Begin at this type; needs start_record_name
    start_record_type: Option<String>,
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// Answer of `list_resource_record_sets`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordList {
    resource_record_sets: Vec<Record>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Arguments of `change_resource_record_sets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeResourceRecordSets {
    /// Such as Z0123456789ABCDEFGHIJ
    hosted_zone_id: String,
    /// All of them are made, or none
    #[schemars(length(min = 1, max = 100))]
    changes: Vec<RecordChange>,
    comment: Option<String>,
}

/// One change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordChange {
    action: RecordAction,
    resource_record_set: Record,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordAction {
    /// Fails if it exists.
    Create,
    /// Creates or replaces.
    Upsert,
    /// Every value must be the current one.
    Delete,
}

/// Answer of `change_resource_record_sets`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedRecords {
    change: ChangeStatus,
    diff: Vec<RecordDiff>,
}

/// A record before and after.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordDiff {
    action: RecordAction,
    /// Absent: there was none
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Record>,
    /// Absent: there is none any more
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Record>,
}

/// Arguments of `get_change`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetChange {
    /// The change's id, as change_resource_record_sets gave it
    id: String,
}

/// How far a change has got.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeStatus {
    id: String,
    /// PENDING, or INSYNC when all name servers answer with it
    status: String,
    submitted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[tool_router(router = route53_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists DNS zones, public and private. Example: {"account": "production"}
    #[tool(meta = declare(Access::Read, &["route53:ListHostedZones"]))]
    async fn list_hosted_zones(
        &self,
        Parameters(input): Parameters<ListHostedZones>,
    ) -> Result<Json<Reply<HostedZoneList>>, OpError> {
        let client = self.client(Client::new)?;
        let page = |token, size| {
            let request = client.list_hosted_zones().set_marker(token).max_items(size);
            async move {
                let answer = request.send().await?;
                let next = answer.next_marker.filter(|_| answer.is_truncated);
                Ok(Page {
                    items: answer.hosted_zones.into_iter().map(zone).collect(),
                    next,
                })
            }
        };
        let Page { items, next } = self
            .pager(input.max_results, input.next_token)
            .collect(100, page)
            .await?;
        ok(HostedZoneList {
            hosted_zones: items,
            next_token: next,
        })
    }

    /// Lists a zone's DNS records. Example: {"account": "production", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    #[tool(meta = declare(Access::Read, &["route53:ListResourceRecordSets"]))]
    async fn list_resource_record_sets(
        &self,
        Parameters(input): Parameters<ListResourceRecordSets>,
    ) -> Result<Json<Reply<RecordList>>, OpError> {
        let client = self.client(Client::new)?;
        let zone = zone_id(&input.hosted_zone_id)?;
        // The start is a cursor that the caller writes; later ones are ours.
        let start = match (&input.next_token, &input.start_record_name) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(name)) => Some(pack(&Cursor {
                name: name.clone(),
                r#type: input.start_record_type,
                identifier: None,
            })?),
            (None, None) if input.start_record_type.is_some() => {
                return Err(OpError::InvalidInput(
                    "start_record_type needs start_record_name".to_owned(),
                ));
            }
            (None, None) => None,
        };
        let page = |token: Option<String>, size| {
            let request = client.list_resource_record_sets().hosted_zone_id(zone).max_items(size);
            async move {
                let at = token.as_deref().map(unpack::<Cursor>).transpose()?;
                let request = match at {
                    Some(at) => request
                        .start_record_name(at.name)
                        .set_start_record_type(at.r#type.as_deref().map(RrType::from))
                        .set_start_record_identifier(at.identifier),
                    None => request,
                };
                let answer = request.send().await?;
                let next = answer.next_record_name.filter(|_| answer.is_truncated).map(|name| {
                    let r#type = answer.next_record_type.map(|t| t.as_str().to_owned());
                    pack(&Cursor {
                        name,
                        r#type,
                        identifier: answer.next_record_identifier,
                    })
                });
                Ok(Page {
                    items: answer.resource_record_sets.into_iter().map(Record::from).collect(),
                    next: next.transpose()?,
                })
            }
        };
        let Page { items, next } = self.pager(input.max_results, start).collect(300, page).await?;
        ok(RecordList {
            resource_record_sets: items,
            next_token: next,
        })
    }

    /// Changes DNS records, all or none, and shows each before and after. Read the record first. Example: {"account": "staging", "hosted_zone_id": "Z…", "changes": [{"action": "UPSERT", "resource_record_set": {"name": "api.example.com", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"]}}]}
    #[tool(meta = declare(Access::Destroy, &["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"]).on(&["arn:{partition}:route53:::hostedzone/{hosted_zone_id|last}"]))]
    async fn change_resource_record_sets(
        &self,
        Parameters(input): Parameters<ChangeResourceRecordSets>,
    ) -> Result<Json<Reply<ChangedRecords>>, OpError> {
        let client = self.client(Client::new)?;
        let zone = zone_id(&input.hosted_zone_id)?;
        if input.changes.is_empty() || input.changes.len() > 100 {
            return Err(OpError::InvalidInput(format!(
                "changes holds {}; 1 to 100 are allowed",
                input.changes.len()
            )));
        }
        let changes: Vec<Change> = input.changes.iter().map(change).collect::<Result<_, _>>()?;
        let before = current(&client, zone, &input.changes).await?;
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .set_comment(input.comment)
            .build();
        let batch = batch.map_err(|e| OpError::InvalidInput(e.to_string()))?;
        // Route 53 has no idempotency token: after an answer that got lost, a repeated CREATE or DELETE would tell a wrong story.
        let once = aws_sdk_route53::config::Config::builder().retry_config(RetryConfig::disabled());
        let request = client
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch);
        let answer = request.customize().config_override(once).send().await?;
        let diff = input.changes.into_iter().map(|c| {
            let before = before.iter().find(|b| b.same_set(&c.resource_record_set)).cloned();
            let after = (c.action != RecordAction::Delete).then_some(c.resource_record_set);
            RecordDiff {
                action: c.action,
                before,
                after,
            }
        });
        let change = answer
            .change_info
            .ok_or_else(|| OpError::internal("Route 53 sent no ChangeInfo"))?;
        ok(ChangedRecords {
            diff: diff.collect(),
            change: change.into(),
        })
    }

    /// Shows whether a DNS change has reached all name servers. Example: {"account": "staging", "id": "C0123456789ABCDEFGHIJ"}
    #[tool(meta = declare(Access::Read, &["route53:GetChange"]))]
    async fn get_change(&self, Parameters(input): Parameters<GetChange>) -> Result<Json<Reply<ChangeStatus>>, OpError> {
        let id = bare_id(&input.id, "/change/", "id")?;
        let answer = self.client(Client::new)?.get_change().id(id).send().await?;
        let change = answer
            .change_info
            .ok_or_else(|| OpError::internal("Route 53 sent no ChangeInfo"))?;
        ok(change.into())
    }
}

/// Where the next page of records begins.
#[derive(Serialize, Deserialize)]
struct Cursor {
    name: String,
    r#type: Option<String>,
    identifier: Option<String>,
}

fn zone(zone: aws_sdk_route53::types::HostedZone) -> HostedZone {
    let config = zone.config;
    HostedZone {
        name: zone.name,
        id: zone.id.trim_start_matches("/hostedzone/").to_owned(),
        private_zone: config.as_ref().is_some_and(|c| c.private_zone),
        resource_record_set_count: zone.resource_record_set_count.unwrap_or_default(),
        comment: config.and_then(|c| c.comment).filter(|c| !c.is_empty()),
    }
}

impl From<ChangeInfo> for ChangeStatus {
    fn from(info: ChangeInfo) -> Self {
        Self {
            id: info.id.trim_start_matches("/change/").to_owned(),
            status: info.status.as_str().to_owned(),
            submitted_at: iso(&info.submitted_at),
            comment: info.comment.filter(|c| !c.is_empty()),
        }
    }
}

fn change(change: &RecordChange) -> Result<Change, OpError> {
    let action = match change.action {
        RecordAction::Create => ChangeAction::Create,
        RecordAction::Upsert => ChangeAction::Upsert,
        RecordAction::Delete => ChangeAction::Delete,
    };
    let set = ResourceRecordSet::try_from(&change.resource_record_set)?;
    Change::builder()
        .action(action)
        .resource_record_set(set)
        .build()
        .map_err(|e| OpError::InvalidInput(e.to_string()))
}

/// The records that the changes touch, as they are now: one request for each name and type.
async fn current(client: &Client, zone: &str, changes: &[RecordChange]) -> Result<Vec<Record>, OpError> {
    let touched: BTreeSet<_> = changes.iter().map(|c| c.resource_record_set.name_and_type()).collect();
    let mut found = Vec::new();
    for (name, r#type) in touched {
        let request = client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(&name);
        let answer = request
            .start_record_type(RrType::from(r#type.as_str()))
            .max_items(100)
            .send()
            .await?;
        let records = answer.resource_record_sets.into_iter().map(Record::from);
        found.extend(records.filter(|r| r.name_and_type() == (name.clone(), r#type.clone())));
    }
    Ok(found)
}

fn zone_id(id: &str) -> Result<&str, OpError> {
    bare_id(id, "/hostedzone/", "hosted_zone_id")
}

/// Route 53's ids become part of a path, so only its own alphabet passes.
fn bare_id<'a>(id: &'a str, prefix: &str, argument: &str) -> Result<&'a str, OpError> {
    let bare = id.strip_prefix(prefix).unwrap_or(id);
    if (1..=32).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_alphanumeric()) {
        Ok(bare)
    } else {
        Err(OpError::InvalidInput(format!(
            "{argument} `{id}` is not an id such as Z0123456789ABCDEFGHIJ; list_hosted_zones shows the zones' ids"
        )))
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
