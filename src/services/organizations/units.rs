//! The tree of organizational units, walked from the top.

use std::collections::VecDeque;

use aws_sdk_organizations::Client;
use futures::{StreamExt as _, TryStreamExt as _};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops};

use super::{OrganizationAccount, name_of, shown};

/// How many units are read at once: Organizations allows few requests a second.
const AT_ONCE: usize = 4;

/// Arguments of `list_organizational_units`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListOrganizationalUnits {
    /// A unit's or root's id
    parent_id: Option<String>,
}

/// Answer of `list_organizational_units`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UnitTree {
    summary: UnitCounts,
    organizational_units: Vec<Unit>,
    /// Not read, for lack of room in an answer: ask for each as parent_id
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_read: Vec<String>,
}

/// What the tree holds.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UnitCounts {
    organizational_units: usize,
    accounts: usize,
    unregistered: usize,
}

/// A root or unit, and what is in it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Unit {
    /// From the top of the tree, such as `Root/workloads/production`
    path: String,
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<UnitAccount>,
}

/// An account in a unit.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UnitAccount {
    name: String,
    id: String,
    status: String,
    registered: bool,
}

/// The tree under the given unit, or the organization's.
pub(super) async fn tree(ops: &Ops, client: &Client, input: ListOrganizationalUnits) -> Result<UnitTree, OpError> {
    let top = match input.parent_id {
        Some(id) => id,
        None => {
            let roots = client.list_roots().send().await?.roots.unwrap_or_default();
            let root = roots.into_iter().next().and_then(|root| root.id);
            root.ok_or_else(|| OpError::internal("the organization has no root"))?
        }
    };
    if !["r-", "ou-"].iter().any(|start| top.starts_with(start)) {
        return Err(OpError::InvalidInput(format!(
            "parent_id `{top}` is neither a unit's id (ou-…) nor a root's (r-…)"
        )));
    }
    let mut waiting = VecDeque::from([(name_of(client, &top).await?, top)]);
    let (mut units, mut bytes) = (Vec::new(), 0);
    while !waiting.is_empty() {
        // As many again, each as large as the average, must still fit.
        if !units.is_empty() && bytes + bytes / units.len() * AT_ONCE > ops.data_limit() {
            break;
        }
        let next: Vec<_> = waiting.drain(..AT_ONCE.min(waiting.len())).collect();
        let read = futures::stream::iter(next).map(|(path, id)| read(ops, client, path, id));
        let read: Vec<(Unit, Vec<_>)> = read.buffered(AT_ONCE).try_collect().await?;
        for (unit, below) in read {
            bytes += serde_json::to_vec(&unit).map_or(0, |json| json.len());
            units.push(unit);
            waiting.extend(below);
        }
    }
    units.sort_by(|a, b| a.path.cmp(&b.path));
    let accounts = || units.iter().flat_map(|unit| &unit.accounts);
    Ok(UnitTree {
        summary: UnitCounts {
            organizational_units: units.iter().filter(|unit| unit.id.starts_with("ou-")).count(),
            accounts: accounts().count(),
            unregistered: accounts().filter(|a| !a.registered).count(),
        },
        not_read: waiting.into_iter().map(|(_, id)| id).collect(),
        organizational_units: units,
    })
}

/// One unit with its accounts, and the units in it.
async fn read(ops: &Ops, client: &Client, path: String, id: String) -> Result<(Unit, Vec<(String, String)>), OpError> {
    let (mut accounts, mut below) = (Vec::new(), Vec::new());
    let mut pages = client.list_accounts_for_parent().parent_id(&id).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page?.accounts.unwrap_or_default().into_iter();
        accounts.extend(page.map(|account| {
            let OrganizationAccount {
                name,
                id,
                status,
                registered,
                ..
            } = shown(ops, account);
            UnitAccount {
                name,
                id,
                status,
                registered,
            }
        }));
    }
    let mut pages = client
        .list_organizational_units_for_parent()
        .parent_id(&id)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page?.organizational_units.unwrap_or_default().into_iter();
        below.extend(page.filter_map(|unit| Some((format!("{path}/{}", unit.name.unwrap_or_default()), unit.id?))));
    }
    Ok((Unit { path, id, accounts }, below))
}
