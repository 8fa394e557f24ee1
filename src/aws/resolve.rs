//! From what a call says to which identity it means: `profile → role_arn → default`.

use std::sync::{Arc, PoisonError, RwLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth::Caller,
    config::{AwsConfig, Profiles, Region, Secret},
};

use super::{
    accounts::{Account, Accounts, Kind},
    error::AccountError,
    ids::{AccountId, ProfileName, RoleArn},
    naming::{Naming, session_name},
    policy::Policy,
};

/// What a tool call says about where it means to act. The same arguments on every tool, so their descriptions are as short as they
/// can be: each word is paid for once for every tool. The server's instructions say more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Registered account: its name, an alias or its 12-digit id.
    #[schemars(description = "Name or id")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Role to assume, instead of `account`.
    #[schemars(description = "")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// AWS profile on the server, instead of `account`; wins over `role_arn`.
    #[schemars(description = "")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// AWS region.
    #[schemars(description = "")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Several accounts at once, instead of `account`.
    #[schemars(description = "[\"all\"], names, ids, \"environment:x\", \"tag:k=v\"")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// Several regions at once, instead of `region`: `all` or names.
    #[schemars(description = "")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// `next_targets` of a cut answer over several accounts.
    #[schemars(description = "next_targets of a cut answer")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets_from: Option<String>,
}

impl Selector {
    /// The arguments that name one target. No tool may use these words for anything else.
    pub const ONE: [&'static str; 4] = ["account", "role_arn", "profile", "region"];
    /// The arguments that name several. Only tools that read have them.
    pub const MANY: [&'static str; 3] = ["accounts", "regions", "targets_from"];

    /// Whether several targets are meant, so that the answer is a list, even if it turns out to be of one.
    pub fn is_many(&self) -> bool {
        self.accounts.is_some() || self.regions.is_some() || self.targets_from.is_some()
    }
}

/// A role session that may be asked of STS: everything that affects what STS answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleSession {
    /// The role.
    pub role: RoleArn,
    /// Who it is for: two callers never share a session.
    pub caller: Caller,
    /// As CloudTrail shows it.
    pub session_name: String,
    /// From the registry only.
    pub external_id: Option<ExternalId>,
    /// Who is behind it and behind every session that it opens in turn.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: Vec<(&'static str, String)>,
    /// What is left of the role's permissions.
    pub policy: Policy,
    /// How long it lasts.
    pub seconds: i32,
    /// For one call and no other: never kept.
    pub once: bool,
}

/// An ExternalId, hidden from `Debug` and usable in a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// The value, for STS.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&Secret> for ExternalId {
    fn from(secret: &Secret) -> Self {
        Self(secret.expose().to_owned())
    }
}

impl std::fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

/// Whose credentials a call uses. Also the key under which they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A profile of `~/.aws`.
    Profile(ProfileName),
    /// A role, assumed with the base identity.
    Role(Arc<RoleSession>),
    /// The base identity itself.
    Default,
}

/// One resolved (identity, region), and the account it is in as far as that is known.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose credentials.
    pub identity: Identity,
    /// Where. `None` leaves it to the profile, which is read later.
    pub region: Option<Region>,
    /// The registered account, if the call named one or the role belongs to one.
    pub account: Option<Arc<Account>>,
    /// Whether something is to be changed there.
    pub writes: bool,
}

impl Target {
    /// The account id, where it is known without asking AWS.
    pub fn account_id(&self) -> Option<&AccountId> {
        match &self.identity {
            Identity::Role(session) => Some(session.role.account()),
            _ => self.account.as_ref().and_then(|a| a.id.as_ref()),
        }
    }
}

/// Resolves selectors.
#[derive(Clone, Debug)]
pub struct Resolver {
    accounts: Arc<RwLock<Arc<Accounts>>>,
    default_region: Option<Region>,
    profiles: Profiles,
    base_credentials: bool,
    naming: Naming,
}

impl Resolver {
    /// A resolver over these accounts.
    pub fn new(accounts: Arc<Accounts>, default_region: Option<Region>, profiles: impl Into<Profiles>) -> Self {
        Self {
            accounts: Arc::new(RwLock::new(accounts)),
            default_region,
            profiles: profiles.into(),
            base_credentials: true,
            naming: Naming::default(),
        }
    }

    /// With the settings that say what STS is told of a caller, and whether the base identity may be used itself.
    pub fn with_settings(self, config: &AwsConfig) -> Self {
        Self {
            base_credentials: config.base_credentials,
            naming: Naming {
                source_identity: config.source_identity,
                tags: config.session_tags,
            },
            ..self
        }
    }

    /// The same, but for what STS is told of a caller.
    pub fn with_naming(&self, naming: Naming) -> Self {
        Self { naming, ..self.clone() }
    }

    /// The same for what the server does of its own accord: its own identity is always for that.
    pub fn for_server(&self) -> Self {
        Self {
            base_credentials: true,
            ..self.clone()
        }
    }

    /// What STS is told of a caller.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    /// The accounts as they are now.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other accounts in force, for every clone of this resolver. Calls that are resolved already go on with the old.
    pub fn replace(&self, accounts: Accounts) {
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(accounts);
    }

    /// Which profiles calls may name.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The one target that a selector means. No AWS call is made.
    ///
    /// # Errors
    /// An unknown account, a malformed or forbidden role, a contradiction.
    pub fn resolve(&self, selector: &Selector, caller: &Caller) -> Result<Target, AccountError> {
        let Selector {
            account,
            role_arn,
            profile,
            region,
            ..
        } = selector;
        // An empty string is not "the default": it may be a name that got lost on its way here.
        let named = [
            ("account", account),
            ("role_arn", role_arn),
            ("profile", profile),
            ("region", region),
        ];
        if let Some((field, _)) = named
            .iter()
            .find(|(_, v)| v.as_deref().is_some_and(|v| v.trim().is_empty()))
        {
            return Err(AccountError::Selector(format!(
                "`{field}` is empty: leave it out, or name one"
            )));
        }
        if let (Some(account), Some(other)) = (account, role_arn.as_ref().or(profile.as_ref())) {
            return Err(AccountError::Selector(format!(
                "`account` (`{account}`) already says which identity to use, so `{other}` can't be given as well: send one of account, role_arn, profile"
            )));
        }
        let (identity, account) = match (profile, role_arn, account) {
            (Some(profile), _, _) => (self.profile(profile)?, None),
            (None, Some(role), _) => self.role(role, caller)?,
            (None, None, Some(name)) => self.account(name, caller)?,
            (None, None, None) => (Identity::Default, None),
        };
        if identity == Identity::Default && !self.base_credentials {
            return Err(AccountError::BaseCredentialsOff);
        }
        let region = self.region(region.as_deref(), account.as_deref(), &identity)?;
        Ok(Target {
            identity,
            region,
            account,
            writes: false,
        })
    }

    fn profile(&self, name: &str) -> Result<Identity, AccountError> {
        match &self.profiles {
            Profiles::Any => {}
            Profiles::Off => return Err(AccountError::ProfilesOff),
            Profiles::Only(allowed) if allowed.iter().any(|p| p == name) => {}
            Profiles::Only(allowed) => {
                return Err(AccountError::ProfileNotAllowed {
                    name: name.to_owned(),
                    allowed: allowed.clone(),
                });
            }
        }
        name.parse()
            .map(Identity::Profile)
            .map_err(|e| AccountError::Selector(format!("profile `{name}`: {e}")))
    }

    fn role(&self, text: &str, caller: &Caller) -> Result<(Identity, Option<Arc<Account>>), AccountError> {
        let role: RoleArn = text
            .parse()
            .map_err(|e| AccountError::Selector(format!("role_arn `{text}`: {e}")))?;
        self.accounts().check_role(&role)?;
        let account = self.accounts().of_id(role.account());
        // The ExternalId belongs to the registered role: it is not lent to another role of the same account.
        let own = account
            .as_ref()
            .filter(|a| self.accounts().role_of(a).as_ref() == Some(&role));
        let external_id = own.and_then(|a| a.external_id.as_ref());
        Ok((self.session(role.clone(), external_id, caller), account))
    }

    fn account(&self, name: &str, caller: &Caller) -> Result<(Identity, Option<Arc<Account>>), AccountError> {
        let account = self.accounts().find(name)?;
        let identity = if let Some(profile) = &account.profile {
            Identity::Profile(profile.clone())
        } else if let Some(role) = self.accounts().role_of(&account) {
            self.session(role, account.external_id.as_ref(), caller)
        } else if account.kind == Kind::Central {
            Identity::Default
        } else {
            return Err(AccountError::Selector(format!(
                "account `{}` has neither a role nor a profile",
                account.name
            )));
        };
        Ok((identity, Some(account)))
    }

    /// A session that may do nothing yet: the tool's declaration says what it is for ([`Target::for_reading`]).
    fn session(&self, role: RoleArn, external_id: Option<&Secret>, caller: &Caller) -> Identity {
        Identity::Role(Arc::new(RoleSession {
            role,
            caller: caller.clone(),
            session_name: session_name(caller),
            external_id: external_id.map(ExternalId::from),
            source_identity: self.naming.source_identity(caller),
            tags: self.naming.tags(caller),
            policy: Policy::nothing(),
            seconds: RoleSession::LONGEST,
            once: false,
        }))
    }

    fn region(
        &self,
        named: Option<&str>,
        account: Option<&Account>,
        identity: &Identity,
    ) -> Result<Option<Region>, AccountError> {
        let region = match named {
            Some(text) => Some(
                text.parse()
                    .map_err(|e| AccountError::Selector(format!("region `{text}`: {e}")))?,
            ),
            None => account
                .and_then(|a| a.region.or_else(|| a.regions.first().copied()))
                .or(self.default_region),
        };
        if let (Some(region), Some(account)) = (region, account)
            && !account.regions.is_empty()
            && !account.regions.contains(&region)
        {
            let allowed = account
                .regions
                .iter()
                .map(|r| r.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(AccountError::Selector(format!(
                "region {region} is not allowed in account `{}`; allowed: {allowed}",
                account.name
            )));
        }
        // Only a profile may bring a region of its own; for the rest the question ends here.
        Ok(region.or(match identity {
            Identity::Role(_) => Some(Region::DEFAULT),
            Identity::Profile(_) | Identity::Default => None,
        }))
    }
}

#[cfg(test)]
mod tests;
