//! Roles.

use std::{collections::BTreeMap, time::SystemTime};

use aws_sdk_iam::{
    Client,
    primitives::DateTime,
    types::{AttachedPolicy, EntityType, RoleDetail, RoleLastUsed, Tag},
};
use futures::{StreamExt, TryStreamExt, stream};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ops::{OpError, Ops, Page, dated};

use super::{AT_ONCE, days, document::decoded};

/// What the summary counts as long.
const LONG: u32 = 90;
/// Said of roles that IAM knows no use of.
const NEVER: &str = "never, as far as IAM knows (it looks back 400 days)";

/// Arguments of `list_roles`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRoles {
    /// Only names that hold this
    name_contains: Option<String>,
    /// Only paths that begin so, such as /teams/
    path_prefix: Option<String>,
    /// Only those not used for so many days, nor made within them
    unused_for_days: Option<u32>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_roles`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RoleList {
    summary: RoleSummary,
    roles: Vec<ListedRole>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the listed roles have in common.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RoleSummary {
    roles: usize,
    /// Made before, and not used since
    not_used_for_90_days: usize,
    never_used: usize,
    /// AWS's own, which can't be changed
    service_linked: usize,
}

/// One role.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListedRole {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    last_used: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_region: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached_policies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inline_policies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<String>,
    #[serde(skip)]
    idle: bool,
    #[serde(skip)]
    never: bool,
    #[serde(skip)]
    service_linked: bool,
}

/// Arguments of `get_role`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetRole {
    /// Name or ARN
    role_name: String,
}

/// Answer of `get_role`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RoleDetails {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created: String,
    last_used: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session: Option<String>,
    /// Who may assume it
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_policy: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached_policies: Vec<Attached>,
    /// By name
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    inline_policies: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// A managed policy that is attached.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Attached {
    name: String,
    arn: String,
}

/// Lists the roles. The authorization details have of many what `GetRole` has of one: `ListRoles` leaves out when they were used.
pub(super) async fn list(ops: &Ops, client: &Client, input: ListRoles) -> Result<RoleList, OpError> {
    let now = ops.now();
    let wanted = |role: &RoleDetail| {
        let name = role.role_name().unwrap_or_default();
        let path = role.path().unwrap_or("/");
        input
            .name_contains
            .as_ref()
            .is_none_or(|part| name.contains(part.as_str()))
            && input
                .path_prefix
                .as_ref()
                .is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && input.unused_for_days.is_none_or(|limit| {
                let used = role.role_last_used().and_then(RoleLastUsed::last_used_date);
                idle(role.create_date(), used, limit, now)
            })
    };
    let page = |token, size| {
        let request = client.get_account_authorization_details().filter(EntityType::Role);
        let wanted = &wanted;
        async move {
            let answer = request.max_items(size).set_marker(token).send().await?;
            let roles = answer.role_detail_list.unwrap_or_default().into_iter();
            Ok(Page {
                items: roles.filter(wanted).map(|role| listed(role, now)).collect(),
                next: answer.marker.filter(|_| answer.is_truncated),
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token.clone());
    let Page { items, next } = pager.collect(1000, page).await?;
    let count = |is: fn(&ListedRole) -> bool| items.iter().filter(|r| is(r)).count();
    let summary = RoleSummary {
        roles: items.len(),
        not_used_for_90_days: count(|r| r.idle),
        never_used: count(|r| r.never),
        service_linked: count(|r| r.service_linked),
    };
    Ok(RoleList {
        summary,
        roles: items,
        next_token: next,
    })
}

fn listed(role: RoleDetail, now: SystemTime) -> ListedRole {
    let used = role.role_last_used.unwrap_or_else(|| RoleLastUsed::builder().build());
    let names = |list: Vec<AttachedPolicy>| {
        list.into_iter()
            .filter_map(|p| p.policy_name.or(p.policy_arn))
            .collect()
    };
    ListedRole {
        idle: idle(role.create_date.as_ref(), used.last_used_date.as_ref(), LONG, now),
        never: used.last_used_date.is_none(),
        service_linked: role
            .path
            .as_deref()
            .is_some_and(|p| p.starts_with("/aws-service-role/")),
        name: role.role_name.unwrap_or_default(),
        arn: role.arn.unwrap_or_default(),
        created: role.create_date.map(|t| dated(&t, now)),
        last_used: used.last_used_date.map_or_else(|| NEVER.to_owned(), |t| dated(&t, now)),
        last_used_region: used.region,
        attached_policies: names(role.attached_managed_policies.unwrap_or_default()),
        inline_policies: role
            .role_policy_list
            .unwrap_or_default()
            .into_iter()
            .filter_map(|p| p.policy_name)
            .collect(),
        permissions_boundary: role.permissions_boundary.and_then(|b| b.permissions_boundary_arn),
    }
}

/// Whether nobody used it for so long. One that was made within that time may yet be used.
fn idle(created: Option<&DateTime>, used: Option<&DateTime>, limit: u32, now: SystemTime) -> bool {
    let last = used.or(created).map_or(0, DateTime::secs);
    DateTime::from(now).secs() - last >= days(limit)
}

/// All of one role.
pub(super) async fn get(ops: &Ops, client: &Client, input: GetRole) -> Result<RoleDetails, OpError> {
    let name = plain(&input.role_name)?;
    let now = ops.now();
    let role = client.get_role().role_name(name).send().await?.role;
    let role = role.ok_or_else(|| OpError::internal("GetRole answered without a role"))?;
    let attached = client.list_attached_role_policies().role_name(name).into_paginator();
    let attached: Vec<AttachedPolicy> = attached.items().send().try_collect().await?;
    let inline = client.list_role_policies().role_name(name).into_paginator();
    let inline: Vec<String> = inline.items().send().try_collect().await?;
    let documents = inline.into_iter().map(async |policy| {
        let answer = client
            .get_role_policy()
            .role_name(name)
            .policy_name(&policy)
            .send()
            .await?;
        Ok::<_, OpError>((policy, decoded(&answer.policy_document)))
    });
    let inline_policies = stream::iter(documents).buffered(AT_ONCE).try_collect().await?;
    let used = role.role_last_used.unwrap_or_else(|| RoleLastUsed::builder().build());
    Ok(RoleDetails {
        name: role.role_name,
        arn: role.arn,
        description: role.description.filter(|d| !d.is_empty()),
        created: dated(&role.create_date, now),
        last_used: used.last_used_date.map_or_else(|| NEVER.to_owned(), |t| dated(&t, now)),
        last_used_region: used.region,
        max_session: role
            .max_session_duration
            .map(|seconds| match (seconds / 3600, seconds % 3600 / 60) {
                (hours, 0) => format!("{hours} h"),
                (hours, minutes) => format!("{hours} h {minutes} min"),
            }),
        trust_policy: role.assume_role_policy_document.as_deref().map(decoded),
        permissions_boundary: role.permissions_boundary.and_then(|b| b.permissions_boundary_arn),
        attached_policies: attached
            .into_iter()
            .map(|p| Attached {
                name: p.policy_name.unwrap_or_default(),
                arn: p.policy_arn.unwrap_or_default(),
            })
            .collect(),
        inline_policies,
        tags: tags(role.tags),
    })
}

pub(super) fn tags(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    tags.unwrap_or_default().into_iter().map(|t| (t.key, t.value)).collect()
}

/// The name in a name or a role's ARN.
fn plain(role: &str) -> Result<&str, OpError> {
    match role.strip_prefix("arn:") {
        None => Ok(role),
        Some(rest) => rest
            .split_once(":role/")
            .and_then(|(_, path)| path.rsplit('/').next())
            .ok_or_else(|| {
                OpError::InvalidInput(format!(
                    "role_name `{role}` is no role's ARN: give arn:aws:iam::…:role/… or the name; of a session's ARN (assumed-role/name/session) the name is the middle part"
                ))
            }),
    }
}
