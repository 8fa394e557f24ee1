//! The registered accounts, as a caller sees them.

use std::collections::BTreeMap;

use rmcp::{schemars::JsonSchema, tool, tool_router};
use serde::Serialize;

use crate::ops::{Access, Json, OpError, Ops, Reply, local, ok};

/// Answer of `list_accounts`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountList {
    accounts: Vec<AccountSummary>,
}

/// One account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountSummary {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

#[tool_router(router = accounts_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists the AWS accounts that the other tools can work in. Use a name from here as their `account`.
    #[tool(meta = local(Access::Read))]
    async fn list_accounts(&self) -> Result<Json<Reply<AccountList>>, OpError> {
        let accounts = self.accounts().workloads().map(|account| AccountSummary {
            name: account.name.clone(),
            id: account.id.as_ref().map(ToString::to_string),
            environment: account.environment.clone(),
            aliases: account.aliases.clone(),
            role_arn: self
                .accounts()
                .role_of(account)
                .filter(|_| account.profile.is_none())
                .map(Into::into),
            profile: account.profile.as_ref().map(ToString::to_string),
            region: account.region.map(|r| r.to_string()),
            regions: account.regions.iter().map(ToString::to_string).collect(),
            tags: account.tags.clone(),
        });
        ok(AccountList {
            accounts: accounts.collect(),
        })
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use crate::testing::{data, ops};

    #[tokio::test]
    async fn the_central_account_is_left_out() {
        let list = data(ops("staging").await.list_accounts().await).unwrap();
        let names: Vec<&str> = list["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|a| a["name"].as_str())
            .collect();
        assert_eq!(names, ["production", "staging", "development"]);
        assert_eq!(
            list["accounts"][0]["role_arn"],
            "arn:aws:iam::222222222222:role/aws-ops-target"
        );
    }
}
