//! Which of the organization's policies bind an account or a unit: its own, and those of everything above it.

use std::collections::{BTreeMap, btree_map::Entry};

use aws_sdk_organizations::{Client, types::PolicyType};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ops::{AccountId, OpError, Ops};

use super::name_of;

/// A root, five levels of units and the account, and room for what AWS may allow one day.
const DEEPEST: usize = 20;

/// Arguments of `list_service_control_policies`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListServiceControlPolicies {
    /// An account's id or registered name; a unit's or root's id
    target_id: String,
    /// Such as RESOURCE_CONTROL_POLICY
    policy_type: Option<String>,
}

/// Answer of `list_service_control_policies`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PoliciesInForce {
    target_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// From the root down. An action must be allowed on every level, and denied on none
    levels: Vec<Level>,
    policies: Vec<Policy>,
}

/// The root, a unit or the account, and what is attached to it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Level {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    id: String,
    policies: Vec<String>,
}

/// A policy.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Policy {
    name: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    aws_managed: bool,
    document: Value,
}

/// All policies of the type over the target.
pub(super) async fn in_force(
    ops: &Ops,
    client: &Client,
    input: ListServiceControlPolicies,
) -> Result<PoliciesInForce, OpError> {
    let target = target(ops, input.target_id)?;
    let r#type = input
        .policy_type
        .as_deref()
        .map_or(PolicyType::ServiceControlPolicy, PolicyType::from);
    let organization = client.describe_organization().send().await?.organization;
    let management = organization.and_then(|o| o.master_account_id);
    let mut levels = Vec::new();
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for id in line(client, &target).await? {
        let attached = client.list_policies_for_target().target_id(&id).filter(r#type.clone());
        let mut pages = attached.into_paginator().send();
        let mut named = Vec::new();
        while let Some(page) = pages.next().await {
            for summary in page?.policies.unwrap_or_default() {
                let (policy, name) = (summary.id.unwrap_or_default(), summary.name.unwrap_or_default());
                if let Entry::Vacant(free) = policies.entry(policy) {
                    let id = free.key().clone();
                    let document = document(client, &id).await?;
                    free.insert(Policy {
                        name: name.clone(),
                        id,
                        description: summary.description.filter(|d| !d.is_empty()),
                        aws_managed: summary.aws_managed,
                        document,
                    });
                }
                named.push(name);
            }
        }
        let name = match id.parse::<AccountId>() {
            Ok(id) => ops.accounts().of_id(&id).map(|a| a.name.clone()).unwrap_or_default(),
            Err(_) => name_of(client, &id).await?,
        };
        levels.push(Level {
            name,
            id,
            policies: named,
        });
    }
    let exempt = management.is_some_and(|id| id == target);
    Ok(PoliciesInForce {
        target_id: target,
        note: exempt.then_some("This is the management account: no service or resource control policy binds it."),
        levels,
        policies: policies.into_values().collect(),
    })
}

/// An account by its registered name, or an id as it is.
fn target(ops: &Ops, given: String) -> Result<String, OpError> {
    let is_id = given.parse::<AccountId>().is_ok() || ["r-", "ou-"].iter().any(|start| given.starts_with(start));
    if is_id {
        return Ok(given);
    }
    let account = ops.accounts().find(&given)?;
    let id = account.id.as_ref().map(ToString::to_string);
    id.ok_or_else(|| {
        OpError::InvalidInput(format!(
            "the id of the account `{given}` is not registered: give it as target_id"
        ))
    })
}

/// The target and everything above it, from the root down.
async fn line(client: &Client, target: &str) -> Result<Vec<String>, OpError> {
    let mut line = vec![target.to_owned()];
    while let Some(child) = line.last().filter(|id| !id.starts_with("r-")) {
        let parents = client
            .list_parents()
            .child_id(child)
            .send()
            .await?
            .parents
            .unwrap_or_default();
        match parents.into_iter().next().and_then(|parent| parent.id) {
            Some(parent) if line.len() < DEEPEST => line.push(parent),
            _ => break,
        }
    }
    line.reverse();
    Ok(line)
}

/// A policy's document, as JSON where it is that.
async fn document(client: &Client, id: &str) -> Result<Value, OpError> {
    let answer = client.describe_policy().policy_id(id).send().await?;
    let content = answer.policy.and_then(|p| p.content).unwrap_or_default();
    Ok(serde_json::from_str(&content).unwrap_or(Value::String(content)))
}
