//! Which accounts are meant, and the role that each is reached by.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};

use crate::{
    aws::{Account, AccountId, Accounts, RoleArn},
    config::Secret,
};

use super::Iam;

/// The account that a target role is in, and how it is reached.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) role: RoleArn,
    pub(super) external_id: Option<Secret>,
}

impl Iam {
    /// The account that `--account` names, or the only one there is.
    pub(super) fn place(&self, accounts: &Accounts) -> Result<Place> {
        if let Some(place) = self.chosen(accounts)? {
            return Ok(place);
        }
        let mut all = registered(accounts);
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Ok(only),
            (last, _) => {
                let names: Vec<String> = all.into_iter().chain(last).map(|p| p.name).collect();
                bail!("--account is missing: a 12-digit id, or one of {}", names.join(", "))
            }
        }
    }

    pub(super) fn chosen(&self, accounts: &Accounts) -> Result<Option<Place>> {
        let Some(name) = &self.account else { return Ok(None) };
        match (accounts.find(name), name.parse::<AccountId>()) {
            (Ok(account), _) => place_of(accounts, &account)
                .map(Some)
                .with_context(|| format!("account `{name}` is not reached by a role")),
            (Err(_), Ok(id)) => {
                let role = RoleArn::new(self.partition(), &id, &self.aws.target_role_name).map_err(|e| anyhow!(e))?;
                Ok(Some(Place {
                    name: name.clone(),
                    role,
                    external_id: None,
                }))
            }
            (Err(unknown), Err(_)) => Err(anyhow!("--account: {unknown}")),
        }
    }
}

/// The accounts that are reached by a role.
pub(super) fn registered(accounts: &Accounts) -> Vec<Place> {
    accounts.all().filter_map(|a| place_of(accounts, a)).collect()
}

pub(super) fn place_of(accounts: &Accounts, account: &Arc<Account>) -> Option<Place> {
    // A profile wins over a role, and then the role is never assumed.
    let role = accounts.role_of(account).filter(|_| account.profile.is_none())?;
    Some(Place {
        name: account.name.clone(),
        role,
        external_id: account.external_id.clone(),
    })
}
