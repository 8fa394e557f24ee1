//! Security groups, as sentences.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use aws_sdk_ec2::{
    Client,
    types::{Filter, IpPermission, SecurityGroup},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page};

use super::{check_ids, filter, named, page::cut};

/// Arguments of `describe_security_groups`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeSecurityGroups {
    #[serde(default)]
    group_ids: Vec<String>,
    /// Group name; * matches anything
    name: Option<String>,
    vpc_id: Option<String>,
    /// Only those that let in 0.0.0.0/0 or ::/0
    #[serde(default)]
    open_to_world: bool,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `describe_security_groups`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GroupList {
    summary: GroupSummary,
    security_groups: Vec<Group>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The listed groups, counted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GroupSummary {
    security_groups: usize,
    open_to_world: usize,
}

/// One group.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Group {
    name: String,
    group_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
    /// What 0.0.0.0/0 or ::/0 may reach
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open_to_world: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inbound: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outbound: Vec<String>,
    /// Groups whose rules name this one, among those that the call looked at
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    referenced_by: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// What the groups say of each other, beyond the page that they are on and the filter that leaves some out.
#[derive(Default)]
struct Known {
    names: BTreeMap<String, String>,
    references: BTreeMap<String, BTreeSet<String>>,
}

pub(super) async fn describe(ops: &Ops, client: &Client, input: DescribeSecurityGroups) -> Result<GroupList, OpError> {
    check_ids("group_ids", "sg-", &input.group_ids)?;
    let known = Mutex::new(Known::default());
    // Who is asked about some groups has not seen those that refer to them.
    if !input.group_ids.is_empty() {
        for direction in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
            let ids = Filter::builder()
                .name(direction)
                .set_values(Some(input.group_ids.clone()));
            let pages = client.describe_security_groups().filters(ids.build()).into_paginator();
            let mut groups = pages.items().send();
            while let Some(group) = groups.try_next().await? {
                known.lock().unwrap_or_else(PoisonError::into_inner).note(&group);
            }
        }
    }
    let filters: Vec<Filter> = [
        filter("group-name", input.name.as_ref()),
        filter("vpc-id", input.vpc_id.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let request = client
        .describe_security_groups()
        .set_filters((!filters.is_empty()).then_some(filters));
    let fetch = |token, size| {
        let request = request.clone();
        let (ids, known, only_open) = (input.group_ids.clone(), &known, input.open_to_world);
        async move {
            let request = match ids.is_empty() {
                true => request.max_results(size).set_next_token(token),
                false => request.set_group_ids(Some(ids)),
            };
            let answer = request.send().await?;
            let groups = answer.security_groups.unwrap_or_default();
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            groups.iter().for_each(|group| known.note(group));
            let groups = groups.into_iter().map(described);
            Ok(Page {
                items: groups.filter(|g| !only_open || !g.open_to_world.is_empty()).collect(),
                next: answer.next_token.filter(|t| !t.is_empty()),
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token.clone());
    let page = pager.collect(1000, |cursor, size| cut(cursor, size, fetch)).await?;
    let Page { mut items, next } = page;
    let known = known.into_inner().unwrap_or_else(PoisonError::into_inner);
    for group in &mut items {
        for rule in group.inbound.iter_mut().chain(&mut group.outbound) {
            known.name(rule);
        }
        group.referenced_by = known.references.get(&group.group_id).cloned().unwrap_or_default();
    }
    Ok(GroupList {
        summary: GroupSummary {
            security_groups: items.len(),
            open_to_world: items.iter().filter(|g| !g.open_to_world.is_empty()).count(),
        },
        security_groups: items,
        next_token: next,
    })
}

impl Known {
    fn note(&mut self, group: &SecurityGroup) {
        let id = group.group_id().unwrap_or_default();
        let name = group.group_name().unwrap_or_default();
        self.names.insert(id.to_owned(), name.to_owned());
        let rules = group.ip_permissions().iter().chain(group.ip_permissions_egress());
        for other in rules
            .flat_map(IpPermission::user_id_group_pairs)
            .filter_map(|p| p.group_id())
        {
            if other != id {
                let references = self.references.entry(other.to_owned()).or_default();
                references.insert(format!("{name} ({id})"));
            }
        }
    }

    /// Writes the other group's name behind its id.
    fn name(&self, rule: &mut String) {
        let id = rule
            .split(' ')
            .find(|word| word.starts_with("sg-"))
            .map(|id| id.trim_end_matches(':').to_owned());
        if let Some((id, name)) = id.and_then(|id| self.names.get(&id).map(|name| (id, name))) {
            *rule = rule.replacen(&id, &format!("{id} ({name})"), 1);
        }
    }
}

fn described(group: SecurityGroup) -> Group {
    let (_, tags) = named(group.tags);
    let inbound = group.ip_permissions.unwrap_or_default();
    let mut open_to_world: Vec<String> = inbound.iter().filter(|rule| is_open(rule)).map(traffic).collect();
    open_to_world.dedup();
    let rules = |rules: &[IpPermission], word| rules.iter().flat_map(|rule| sentences(rule, word)).collect();
    Group {
        name: group.group_name.unwrap_or_default(),
        group_id: group.group_id.unwrap_or_default(),
        description: group.description.unwrap_or_default(),
        vpc_id: group.vpc_id,
        open_to_world,
        inbound: rules(&inbound, "from"),
        outbound: rules(&group.ip_permissions_egress.unwrap_or_default(), "to"),
        referenced_by: BTreeSet::new(),
        tags,
    }
}

fn is_open(rule: &IpPermission) -> bool {
    let four = rule
        .ip_ranges()
        .iter()
        .filter_map(|r| r.cidr_ip())
        .any(|c| c == "0.0.0.0/0");
    four || rule
        .ipv6_ranges()
        .iter()
        .filter_map(|r| r.cidr_ipv6())
        .any(|c| c == "::/0")
}

/// `tcp 443`, `udp 8000-8100`, `all traffic`.
fn traffic(rule: &IpPermission) -> String {
    let protocol = rule.ip_protocol().unwrap_or("-1");
    match (protocol, rule.from_port, rule.to_port) {
        ("-1", ..) => "all traffic".to_owned(),
        ("icmp" | "icmpv6" | "1" | "58", None | Some(-1), _) => protocol.to_owned(),
        ("icmp" | "icmpv6" | "1" | "58", Some(kind), _) => format!("{protocol} type {kind}"),
        (_, None | Some(0), None | Some(65535)) => format!("{protocol} all ports"),
        (_, Some(from), Some(to)) if from != to => format!("{protocol} {from}-{to}"),
        (_, from, to) => format!("{protocol} {}", from.or(to).unwrap_or_default()),
    }
}

/// One sentence for each source or destination: `tcp 443 from 0.0.0.0/0: the load balancer`.
fn sentences(rule: &IpPermission, word: &str) -> Vec<String> {
    let traffic = traffic(rule);
    let sentence = |peer: &str, note: Option<&str>| match note.filter(|n| !n.is_empty()) {
        Some(note) => format!("{traffic} {word} {peer}: {note}"),
        None => format!("{traffic} {word} {peer}"),
    };
    let four = rule
        .ip_ranges()
        .iter()
        .map(|r| sentence(r.cidr_ip().unwrap_or_default(), r.description()));
    let six = rule
        .ipv6_ranges()
        .iter()
        .map(|r| sentence(r.cidr_ipv6().unwrap_or_default(), r.description()));
    let lists = rule
        .prefix_list_ids()
        .iter()
        .map(|r| sentence(r.prefix_list_id().unwrap_or_default(), r.description()));
    let groups = rule
        .user_id_group_pairs()
        .iter()
        .map(|g| sentence(g.group_id().unwrap_or_default(), g.description()));
    four.chain(six).chain(lists).chain(groups).collect()
}
