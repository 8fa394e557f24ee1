//! The accounts that are known, and which role a call may ask for.

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::Arc,
};

use crate::config::{Region, Secret, value::nearest};

use super::{
    error::AccountError,
    ids::{AccountId, ProfileName, RoleArn},
};

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Where the base identity lives. Left out of listings, so that nobody works there by accident.
    Central,
    /// Where the work is.
    #[default]
    Workload,
}

/// One registered account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The short name that calls use.
    pub name: String,
    /// The 12-digit id; unknown for an account that is only a profile.
    pub id: Option<AccountId>,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Central or workload.
    pub kind: Kind,
    /// The role to assume. A profile wins over it.
    pub role_arn: Option<RoleArn>,
    /// Sent with AssumeRole. Comes from here only, never from a call.
    pub external_id: Option<Secret>,
    /// The profile to use.
    pub profile: Option<ProfileName>,
    /// Region of calls that name none.
    pub region: Option<Region>,
    /// The only regions that calls may name; empty means all.
    pub regions: Vec<Region>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl Account {
    /// A workload account of which nothing but its name is known.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: None,
            aliases: Vec::new(),
            environment: None,
            kind: Kind::Workload,
            role_arn: None,
            external_id: None,
            profile: None,
            region: None,
            regions: Vec::new(),
            tags: BTreeMap::new(),
        }
    }
}

/// All registered accounts, checked: names, ids and aliases are unique.
#[derive(Clone, Debug)]
pub struct Accounts {
    accounts: Vec<Arc<Account>>,
    /// Where each name, id and alias stands in the list: a call over a thousand accounts looks up a thousand.
    places: HashMap<String, usize>,
    target_role_name: String,
    partition: &'static str,
    allowed_roles: Vec<String>,
}

impl Accounts {
    /// Checks the accounts against one another.
    ///
    /// # Errors
    /// What is wrong with which account.
    pub fn new(
        accounts: Vec<Account>,
        target_role_name: &str,
        partition: &'static str,
        allowed_roles: Vec<String>,
    ) -> Result<Self, String> {
        let mut places = HashMap::new();
        for (place, account) in accounts.iter().enumerate() {
            let names = std::iter::once(account.name.as_str())
                .chain(account.id.as_ref().map(AccountId::as_str))
                .chain(account.aliases.iter().map(String::as_str));
            for name in names {
                match places.entry(folded(name)) {
                    hash_map::Entry::Vacant(free) => free.insert(place),
                    hash_map::Entry::Occupied(_) => {
                        return Err(format!(
                            "account `{}`: `{name}` names another account already",
                            account.name
                        ));
                    }
                };
            }
        }
        let accounts = accounts.into_iter().map(Arc::new).collect();
        Ok(Self {
            accounts,
            places,
            target_role_name: target_role_name.to_owned(),
            partition,
            allowed_roles,
        })
    }

    /// Every account, the central one included.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.iter()
    }

    /// The accounts that work is done in.
    pub fn workloads(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.all().filter(|a| a.kind == Kind::Workload)
    }

    /// The account of this name, id or alias. Case, `-` and `_` make no difference.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], with the names that exist.
    pub fn find(&self, name: &str) -> Result<Arc<Account>, AccountError> {
        let found = self
            .places
            .get(&folded(name))
            .and_then(|place| self.accounts.get(*place));
        found.cloned().ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> AccountError {
        let known: Vec<String> = self.workloads().map(|a| a.name.clone()).collect();
        let near = nearest(&folded(name), known.iter().map(String::as_str)).map(str::to_owned);
        AccountError::Unknown {
            name: name.to_owned(),
            near,
            known,
        }
    }

    /// The account that a role is in, if it is registered.
    pub fn of_id(&self, id: &AccountId) -> Option<Arc<Account>> {
        self.all().find(|a| a.id.as_ref() == Some(id)).cloned()
    }

    /// The role that stands for an account: its own, or the template's.
    pub fn role_of(&self, account: &Account) -> Option<RoleArn> {
        account.role_arn.clone().or_else(|| {
            let id = account.id.as_ref().filter(|_| account.kind == Kind::Workload)?;
            RoleArn::new(self.partition, id, &self.target_role_name).ok()
        })
    }

    /// Whether a call may name this role: a registered account's role or its template; without a registry the template in any
    /// account; or what `ALLOWED_ROLE_ARNS` adds. Everything else is refused before STS hears of it.
    ///
    /// # Errors
    /// [`AccountError::RoleNotAllowed`].
    pub fn check_role(&self, role: &RoleArn) -> Result<(), AccountError> {
        let template = RoleArn::new(self.partition, role.account(), &self.target_role_name).ok();
        let is_template = template.as_ref() == Some(role);
        let registered = self
            .all()
            .any(|a| a.role_arn.as_ref() == Some(role) || (is_template && a.id.as_ref() == Some(role.account())));
        let allowed = registered
            || (is_template && self.accounts.is_empty())
            || self.allowed_roles.iter().any(|pattern| matches(pattern, role.as_str()));
        if allowed {
            Ok(())
        } else {
            Err(AccountError::RoleNotAllowed { role: role.clone() })
        }
    }
}

/// Names are compared without case, and with `_` as `-`, because variables can't hold a `-`.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Whether `text` fits `pattern`, whose `*` stands for any characters within one part (no `/`, no `:`).
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let part = rest.find(['/', ':']).unwrap_or(rest.len());
            (0..=part)
                .filter_map(|at| rest.get(at..))
                .any(|tail| matches(after, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, id: &str) -> Account {
        Account {
            id: Some(id.parse().unwrap()),
            ..Account::named(name)
        }
    }

    fn accounts(allowed: &[&str]) -> Accounts {
        let list = vec![
            account("production", "222222222222"),
            account("data-lake", "333333333333"),
        ];
        Accounts::new(
            list,
            "aws-ops-target",
            "aws",
            allowed.iter().map(|s| (*s).to_owned()).collect(),
        )
        .unwrap()
    }

    fn role(text: &str) -> RoleArn {
        text.parse().unwrap()
    }

    #[test]
    fn found_by_name_id_and_spelling() {
        let all = accounts(&[]);
        for name in ["production", "PRODUCTION", "222222222222"] {
            assert_eq!(all.find(name).unwrap().name, "production");
        }
        assert_eq!(all.find("data_lake").unwrap().name, "data-lake");
        let said = all.find("prodcution").unwrap_err().to_string();
        assert!(
            said.contains("`prodcution`") && said.contains("production") && said.contains("data-lake"),
            "{said}"
        );
    }

    #[test]
    fn two_accounts_never_share_a_name() {
        let twice = vec![account("a", "222222222222"), account("A", "333333333333")];
        assert!(Accounts::new(twice, "r", "aws", vec![]).unwrap_err().contains("`A`"));
    }

    #[test]
    fn only_declared_roles_pass() {
        let all = accounts(&["arn:aws:iam::444444444444:role/ops-*"]);
        assert!(
            all.check_role(&role("arn:aws:iam::222222222222:role/aws-ops-target"))
                .is_ok()
        );
        assert!(all.check_role(&role("arn:aws:iam::444444444444:role/ops-read")).is_ok());
        for refused in [
            "arn:aws:iam::222222222222:role/Admin",
            "arn:aws:iam::222222222222:role/x/aws-ops-target",
            "arn:aws:iam::222222222222:role/AWS-ops-target",
            "arn:aws-cn:iam::222222222222:role/aws-ops-target",
            "arn:aws:iam::999999999999:role/aws-ops-target",
            "arn:aws:iam::444444444444:role/ops-a/b",
            "arn:aws:iam::555555555555:role/ops-read",
        ] {
            assert!(all.check_role(&role(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn without_a_registry_the_template_serves_any_account() {
        let none = Accounts::new(vec![], "aws-ops-target", "aws", vec![]).unwrap();
        assert!(
            none.check_role(&role("arn:aws:iam::999999999999:role/aws-ops-target"))
                .is_ok()
        );
        assert!(none.check_role(&role("arn:aws:iam::999999999999:role/Admin")).is_err());
    }
}
