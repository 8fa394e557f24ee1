//! AWS Organizations: accounts, units and the policies over them. Only the management account and delegated administrators may look.

mod policies;
mod units;

use std::collections::BTreeMap;

use aws_sdk_organizations::{Client, types::Account as AwsAccount};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{Access, AccountId, Json, OpError, Ops, Page, Reply, dated, declare, ok};

use policies::{ListServiceControlPolicies, PoliciesInForce};
use units::{ListOrganizationalUnits, UnitTree};

/// Arguments of `list_organization_accounts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOrganizationAccounts {
    /// Only those that list_accounts lacks
    #[serde(default)]
    unregistered: bool,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_organization_accounts`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrganizationAccounts {
    summary: AccountCounts,
    accounts: Vec<OrganizationAccount>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the list holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountCounts {
    count: usize,
    unregistered: usize,
    by_status: BTreeMap<String, usize>,
}

/// An account of the organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrganizationAccount {
    name: String,
    id: String,
    status: String,
    /// Whether this server knows it
    registered: bool,
    /// The name to call it by here, where it is another
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_as: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<String>,
}

#[tool_router(router = organizations_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists the accounts of the AWS organization, and which of them this server does not know. Call it in the management account. Example: {"account": "management", "unregistered": true}
    #[tool(meta = declare(Access::Read, &["organizations:ListAccounts"]))]
    async fn list_organization_accounts(
        &self,
        Parameters(input): Parameters<ListOrganizationAccounts>,
    ) -> Result<Json<Reply<OrganizationAccounts>>, OpError> {
        let client = self.client(Client::new)?;
        let page = |token, size| {
            let request = client.list_accounts().set_next_token(token).max_results(size);
            async move {
                let answer = request.send().await?;
                let accounts = answer.accounts.unwrap_or_default().into_iter();
                let accounts = accounts.map(|account| shown(self, account));
                Ok(Page {
                    items: accounts.filter(|a| !input.unregistered || !a.registered).collect(),
                    next: answer.next_token,
                })
            }
        };
        let pager = self.pager(input.max_results, input.next_token.clone());
        let Page { items, next } = pager.collect(20, page).await?;
        let mut by_status = BTreeMap::new();
        for account in &items {
            *by_status.entry(account.status.clone()).or_insert(0) += 1;
        }
        ok(OrganizationAccounts {
            summary: AccountCounts {
                count: items.len(),
                unregistered: items.iter().filter(|a| !a.registered).count(),
                by_status,
            },
            accounts: items,
            next_token: next,
        })
    }

    /// Lists the organization's units with the accounts in each: the whole tree, or what is under parent_id. Call it in the management account. Example: {"account": "management"}
    #[tool(meta = declare(Access::Read, &["organizations:ListRoots", "organizations:DescribeOrganizationalUnit", "organizations:ListOrganizationalUnitsForParent", "organizations:ListAccountsForParent"]))]
    async fn list_organizational_units(
        &self,
        Parameters(input): Parameters<ListOrganizationalUnits>,
    ) -> Result<Json<Reply<UnitTree>>, OpError> {
        ok(units::tree(self, &self.client(Client::new)?, input).await?)
    }

    /// Lists the organization's policies in force for an account or unit, from the root down, with their documents: why an SCP denies. Call it in the management account. Example: {"account": "management", "target_id": "222222222222"}
    #[tool(meta = declare(Access::Read, &["organizations:DescribeOrganization", "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:DescribePolicy", "organizations:DescribeOrganizationalUnit"]))]
    async fn list_service_control_policies(
        &self,
        Parameters(input): Parameters<ListServiceControlPolicies>,
    ) -> Result<Json<Reply<PoliciesInForce>>, OpError> {
        ok(policies::in_force(self, &self.client(Client::new)?, input).await?)
    }
}

/// An account as the organization and the registry know it.
fn shown(ops: &Ops, account: AwsAccount) -> OrganizationAccount {
    let id = account.id.unwrap_or_default();
    let name = account.name.unwrap_or_default();
    let known = id.parse::<AccountId>().ok().and_then(|id| ops.accounts().of_id(&id));
    // The older of two fields goes away, and emulators fill only that.
    let status = match (&account.state, &account.status) {
        (Some(state), _) => state.as_str(),
        (None, Some(status)) => status.as_str(),
        (None, None) => "UNKNOWN",
    };
    OrganizationAccount {
        status: status.to_owned(),
        registered: known.is_some(),
        registered_as: known.map(|k| k.name.clone()).filter(|known| *known != name),
        email: account.email,
        joined: account.joined_timestamp.map(|time| dated(&time, ops.now())),
        name,
        id,
    }
}

/// The name of a root or unit.
async fn name_of(client: &Client, id: &str) -> Result<String, OpError> {
    if id.starts_with("r-") {
        return Ok("Root".to_owned());
    }
    let answer = client
        .describe_organizational_unit()
        .organizational_unit_id(id)
        .send()
        .await?;
    Ok(answer
        .organizational_unit
        .and_then(|unit| unit.name)
        .unwrap_or_default())
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
