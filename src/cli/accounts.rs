//! `accounts`: the registry as the server reads it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::{
    aws::{AccountId, Accounts, Kind, registry},
    config::{AccountVariables, AwsConfig},
};

use super::{print, table};

/// Arguments of `accounts`.
#[derive(Debug, Args)]
pub(super) struct ListAccounts {
    /// As JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    aws: AwsConfig,
}

impl ListAccounts {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let accounts = registry::load(&self.aws, &AccountVariables::from_environment())?;
        if self.json {
            let list: Vec<_> = accounts.all().map(|a| json(&accounts, a)).collect();
            return print(&format!("{}\n", serde_json::to_string_pretty(&list)?));
        }
        if accounts.all().next().is_none() {
            return print(
                "No accounts are registered. Set ACCOUNT_REGISTRY or ACCOUNT_<NAME>_ROLE_ARN (see README, \"Accounts\").\n",
            );
        }
        let mut rows = vec![
            ["NAME", "ID", "ENVIRONMENT", "KIND", "REACHED BY", "REGION"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(accounts.all().map(|a| {
            vec![
                a.name.clone(),
                a.id.as_ref().map(AccountId::to_string).unwrap_or_default(),
                a.environment.clone().unwrap_or_default(),
                kind(a.kind).to_owned(),
                reached_by(&accounts, a),
                a.region.map(|r| r.to_string()).unwrap_or_default(),
            ]
        }));
        print(&table(&rows))
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Central => "central",
        Kind::Workload => "workload",
    }
}

fn reached_by(accounts: &Accounts, account: &crate::aws::Account) -> String {
    match (&account.profile, accounts.role_of(account)) {
        (Some(profile), _) => format!("profile {profile}"),
        (None, Some(role)) => role.to_string(),
        (None, None) => "default credentials".to_owned(),
    }
}

fn json(accounts: &Accounts, account: &crate::aws::Account) -> serde_json::Value {
    serde_json::json!({
        "name": account.name,
        "id": account.id,
        "environment": account.environment,
        "kind": account.kind,
        "aliases": account.aliases,
        "role_arn": accounts.role_of(account).filter(|_| account.profile.is_none()),
        "profile": account.profile,
        "has_external_id": account.external_id.is_some(),
        "region": account.region.map(|r| r.to_string()),
        "regions": account.regions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tags": account.tags,
    })
}
