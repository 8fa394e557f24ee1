//! Instances, as they are.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_ec2::{
    Client,
    primitives::{DateTime, DateTimeFormat},
    types::Instance,
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated};

use super::{check_ids, filter, named, page::cut, tag_filters};

/// Arguments of `describe_instances`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeInstances {
    #[serde(default)]
    instance_ids: Vec<String>,
    /// Tag Name; * matches anything
    name: Option<String>,
    /// running, stopped, pending, stopping, shutting-down or terminated
    state: Option<String>,
    vpc_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `describe_instances`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceList {
    summary: InstanceSummary,
    instances: Vec<InstanceEntry>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The listed instances, counted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceSummary {
    instances: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_state: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_type: BTreeMap<String, usize>,
}

/// One instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    instance_id: String,
    state: String,
    /// In this state
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Why it is stopped or gone
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    instance_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    /// The last start
    #[serde(skip_serializing_if = "Option::is_none")]
    launched: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    security_groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

pub(super) async fn describe(ops: &Ops, client: &Client, input: DescribeInstances) -> Result<InstanceList, OpError> {
    check_ids("instance_ids", "i-", &input.instance_ids)?;
    let now = ops.now();
    let filters: Vec<_> = [
        filter("tag:Name", input.name.as_ref()),
        filter("instance-state-name", input.state.as_ref()),
        filter("vpc-id", input.vpc_id.as_ref()),
    ]
    .into_iter()
    .flatten()
    .chain(tag_filters(&input.tags))
    .collect();
    let request = client
        .describe_instances()
        .set_filters((!filters.is_empty()).then_some(filters));
    let fetch = |token, size| {
        let request = request.clone();
        let ids = input.instance_ids.clone();
        async move {
            // "You cannot specify this parameter and the instance IDs parameter in the same request" (DescribeInstances).
            let request = match ids.is_empty() {
                true => request.max_results(size).set_next_token(token),
                false => request.set_instance_ids(Some(ids)),
            };
            let answer = request.send().await?;
            let instances = answer.reservations.unwrap_or_default().into_iter();
            let instances = instances.flat_map(|r| r.instances.unwrap_or_default());
            Ok(Page {
                items: instances.map(|i| entry(i, now)).collect(),
                next: answer.next_token.filter(|t| !t.is_empty()),
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token.clone());
    let Page { items, next } = pager.collect(1000, |cursor, size| cut(cursor, size, fetch)).await?;
    let count = |what: fn(&InstanceEntry) -> &String| {
        let mut counts = BTreeMap::new();
        for entry in &items {
            *counts.entry(what(entry).clone()).or_default() += 1;
        }
        counts
    };
    Ok(InstanceList {
        summary: InstanceSummary {
            instances: items.len(),
            by_state: count(|i| &i.state),
            by_type: count(|i| &i.instance_type),
        },
        instances: items,
        next_token: next,
    })
}

fn entry(instance: Instance, now: SystemTime) -> InstanceEntry {
    let (name, tags) = named(instance.tags);
    let state = instance
        .state
        .and_then(|s| s.name)
        .map(|n| n.as_str().to_owned())
        .unwrap_or_default();
    let reason = instance.state_transition_reason.filter(|r| !r.is_empty());
    let (reason, changed) = reason.as_deref().map_or((None, None), transition);
    let since = match state.as_str() {
        "running" | "pending" => instance.launch_time,
        _ => changed,
    };
    let groups = instance.security_groups.unwrap_or_default().into_iter();
    let profile = instance.iam_instance_profile.and_then(|p| p.arn);
    InstanceEntry {
        name,
        instance_id: instance.instance_id.unwrap_or_default(),
        since: since.map(|t| dated(&t, now)),
        state_reason: reason.filter(|_| !matches!(state.as_str(), "running" | "pending")),
        state,
        instance_type: instance
            .instance_type
            .map(|t| t.as_str().to_owned())
            .unwrap_or_default(),
        private_ip: instance.private_ip_address,
        public_ip: instance.public_ip_address,
        availability_zone: instance.placement.and_then(|p| p.availability_zone),
        launched: instance.launch_time.map(|t| dated(&t, now)),
        vpc_id: instance.vpc_id,
        subnet_id: instance.subnet_id,
        security_groups: groups.filter_map(|g| g.group_name.or(g.group_id)).collect(),
        role: profile.and_then(|arn| Some(arn.split_once("instance-profile/")?.1.to_owned())),
        image_id: instance.image_id,
        tags,
    }
}

/// `User initiated (2026-11-20 10:00:00 GMT)`: why, and when.
fn transition(reason: &str) -> (Option<String>, Option<DateTime>) {
    let Some((why, when)) = reason.split_once('(') else {
        return (Some(reason.to_owned()), None);
    };
    let when = when
        .trim_end_matches(')')
        .trim_end_matches(" GMT")
        .replacen(' ', "T", 1);
    let when = DateTime::from_str(&format!("{when}Z"), DateTimeFormat::DateTime).ok();
    let after_1970 = when.filter(|t| SystemTime::try_from(*t).is_ok_and(|t| t > UNIX_EPOCH));
    (Some(why.trim().to_owned()).filter(|w| !w.is_empty()), after_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_says_why_and_when() {
        let (why, when) = transition("User initiated (2026-11-20 10:00:00 GMT)");
        assert_eq!(why.as_deref(), Some("User initiated"));
        assert_eq!(when.unwrap().secs(), 1_795_168_800);
        assert_eq!(transition("User initiated"), (Some("User initiated".to_owned()), None));
        assert_eq!(transition("Server.SpotInstanceTermination (soon)").1, None);
    }
}
