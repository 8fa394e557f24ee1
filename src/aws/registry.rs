//! Reading the accounts: `ACCOUNT_REGISTRY` (a path or the JSON itself), then `ACCOUNT_<NAME>_*`, the later winning.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::config::{AccountVariables, AwsConfig, ConfigError, Region, Secret, env::AccountVariable};

use super::{
    accounts::{Account, Accounts, Kind, folded},
    ids::{AccountId, ProfileName, RoleArn},
};

/// An account as the registry's JSON states it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default, alias = "account_id")]
    id: Option<AccountId>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default, alias = "role")]
    kind: Kind,
    #[serde(default)]
    role_arn: Option<RoleArn>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    profile: Option<ProfileName>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `[…]`, or `{"accounts": […]}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    List(Vec<serde_json::Value>),
    Object { accounts: Vec<serde_json::Value> },
}

/// The accounts that the configuration names.
///
/// # Errors
/// A registry that can't be read, with place and reason: a start with half a registry would send calls to the wrong account.
pub fn load(config: &AwsConfig, variables: &AccountVariables) -> Result<Accounts, ConfigError> {
    assemble(config, variables, &[])
}

/// The same on top of the organization's accounts: what the registry says of an account wins, and the variables win over both.
///
/// # Errors
/// As [`load`].
pub fn assemble(
    config: &AwsConfig,
    variables: &AccountVariables,
    organization: &[Account],
) -> Result<Accounts, ConfigError> {
    let mut accounts = match &config.account_registry {
        Some(registry) => read(registry)?,
        None => Vec::new(),
    };
    for (name, variable) in &variables.0 {
        apply(&mut accounts, name, variable)?;
    }
    for account in &mut accounts {
        finish(account).map_err(|e| ConfigError::Invalid(format!("account `{}`: {e}", account.name)))?;
    }
    add_organization(&mut accounts, organization);
    for pattern in &config.allowed_role_arns {
        // The account must be spelled out: a pattern over accounts would open every account that trusts the base role.
        let probe = pattern.replace('*', "x");
        probe
            .parse::<RoleArn>()
            .map_err(|e| ConfigError::wrong("ALLOWED_ROLE_ARNS", pattern, e))?;
    }
    let partition = config.region.unwrap_or(Region::DEFAULT).partition();
    let accounts = Accounts::new(
        accounts,
        &config.target_role_name,
        partition,
        config.allowed_role_arns.clone(),
    )
    .map_err(ConfigError::Invalid)?;
    if let Some(through) = &config.organizations_account {
        accounts.find(through).map_err(|e| {
            ConfigError::wrong(
                "ORGANIZATIONS_ACCOUNT",
                through,
                format!("expected a registered account: {e}"),
            )
        })?;
    }
    Ok(accounts)
}

/// Applies `ACCOUNT_<NAME>_ROLE_ARN` and `ACCOUNT_<NAME>_PROFILE` to the account of that name, or makes one.
fn apply(accounts: &mut Vec<Account>, name: &str, variable: &AccountVariable) -> Result<(), ConfigError> {
    let key = |suffix| format!("ACCOUNT_{}_{suffix}", name.to_ascii_uppercase().replace('-', "_"));
    let role_arn = parsed::<RoleArn>(&key("ROLE_ARN"), variable.role_arn.as_deref())?;
    let profile = parsed::<ProfileName>(&key("PROFILE"), variable.profile.as_deref())?;
    match accounts.iter_mut().find(|a| folded(&a.name) == name) {
        Some(account) => {
            account.role_arn = role_arn.or(account.role_arn.take());
            account.profile = profile.or(account.profile.take());
        }
        None => accounts.push(Account {
            id: role_arn.as_ref().map(|r| r.account().clone()),
            role_arn,
            profile,
            ..Account::named(name)
        }),
    }
    Ok(())
}

/// Adds the organization's accounts that are not registered by id. A name that is taken gets its id appended; a registered
/// account keeps its own name, and answers to the organization's as well.
fn add_organization(accounts: &mut Vec<Account>, organization: &[Account]) {
    for account in organization {
        let taken = accounts
            .iter()
            .any(|a| names(a).any(|n| folded(n) == folded(&account.name)));
        if let Some(known) = accounts.iter_mut().find(|a| a.id == account.id) {
            if !taken {
                known.aliases.push(account.name.clone());
            }
            continue;
        }
        let mut account = account.clone();
        let free = |name: &str| !accounts.iter().any(|a| names(a).any(|n| folded(n) == folded(name)));
        account
            .aliases
            .retain(|alias| free(alias) && folded(alias) != folded(&account.name));
        if let (true, Some(id)) = (taken, &account.id) {
            account.name = format!("{}-{id}", account.name);
        }
        accounts.push(account);
    }
}

fn names(account: &Account) -> impl Iterator<Item = &str> {
    std::iter::once(account.name.as_str()).chain(account.aliases.iter().map(String::as_str))
}

/// The path of the registry's file, if it is one.
pub fn file(config: &AwsConfig) -> Option<&Path> {
    config
        .account_registry
        .as_deref()
        .filter(|r| !is_json(r))
        .map(Path::new)
}

/// What is in the registry's file now; `None` if it is none.
///
/// # Errors
/// A file that can't be read.
pub fn file_text(config: &AwsConfig) -> Result<Option<String>, ConfigError> {
    file(config).map(text_of).transpose()
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|e| {
        ConfigError::wrong(
            "ACCOUNT_REGISTRY",
            path.display().to_string(),
            format!("can't read the file: {e}"),
        )
    })
}

fn is_json(registry: &str) -> bool {
    registry.trim_start().starts_with(['[', '{'])
}

/// The accounts of a registry's JSON alone, without variables.
///
/// # Errors
/// What is wrong with it.
pub fn parse(json: &str) -> Result<Accounts, ConfigError> {
    let mut accounts = read(json)?;
    for account in &mut accounts {
        finish(account).map_err(ConfigError::Invalid)?;
    }
    Accounts::new(accounts, "aws-ops-target", Region::DEFAULT.partition(), Vec::new()).map_err(ConfigError::Invalid)
}

fn parsed<T: std::str::FromStr<Err = String>>(name: &str, value: Option<&str>) -> Result<Option<T>, ConfigError> {
    value
        .map(|v| v.parse().map_err(|e| ConfigError::wrong(name, v, e)))
        .transpose()
}

const EXAMPLE: &str = r#"[{"name": "production", "id": "123456789012"}]"#;

/// Reads the registry from a path or from the JSON itself.
fn read(registry: &str) -> Result<Vec<Account>, ConfigError> {
    let (place, text) = if is_json(registry) {
        ("ACCOUNT_REGISTRY".to_owned(), registry.to_owned())
    } else {
        (format!("ACCOUNT_REGISTRY ({registry})"), text_of(Path::new(registry))?)
    };
    let wrong = |what: String| ConfigError::Invalid(format!("{place}: {what}"));
    // First as plain JSON, so that a syntax error names its line, then entry by entry, so that a wrong value names its account.
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| wrong(format!("{e}: expected JSON such as {EXAMPLE}")))?;
    let entries = match serde_json::from_value(value) {
        Ok(Document::List(entries) | Document::Object { accounts: entries }) => entries,
        Err(_) => {
            return Err(wrong(format!(
                "expected a list of accounts such as {EXAMPLE}, or an object with `accounts`"
            )));
        }
    };
    entries
        .into_iter()
        .enumerate()
        .map(|(at, entry)| account(at, entry).map_err(&wrong))
        .collect()
}

fn account(at: usize, value: serde_json::Value) -> Result<Account, String> {
    let name = value
        .get("name")
        .and_then(|n| n.as_str())
        .unwrap_or("without a name")
        .to_owned();
    let place = |e: String| format!("account {} (`{name}`): {e}", at + 1);
    let entry: Entry = serde_json::from_value(value).map_err(|e| place(e.to_string()))?;
    let region = |text: String| {
        text.parse::<Region>()
            .map_err(|e| place(format!("region `{text}`: {e}")))
    };
    if entry.name.is_empty() || entry.name.chars().any(|c| c.is_control() || ":,*".contains(c)) {
        return Err(place("the name is empty or holds one of `:`, `,`, `*`".to_owned()));
    }
    Ok(Account {
        id: entry.id,
        aliases: entry.aliases,
        environment: entry.environment,
        kind: entry.kind,
        role_arn: entry.role_arn,
        external_id: entry.external_id.map(Secret::new),
        profile: entry.profile,
        region: entry.region.map(region).transpose()?,
        regions: entry.regions.into_iter().map(region).collect::<Result<_, _>>()?,
        tags: entry.tags,
        ..Account::named(&entry.name)
    })
}

/// Fills in what follows from the rest, and checks the rest against itself.
fn finish(account: &mut Account) -> Result<(), String> {
    if let Some(role) = &account.role_arn {
        match &account.id {
            Some(id) if id != role.account() => {
                return Err(format!(
                    "its id is {id}, but its role_arn names account {}",
                    role.account()
                ));
            }
            _ => account.id = Some(role.account().clone()),
        }
    }
    if account.id.is_none() && account.profile.is_none() && account.kind == Kind::Workload {
        return Err("it needs an `id`, a `role_arn` or a `profile`".to_owned());
    }
    if let Some(region) = account
        .region
        .filter(|r| !account.regions.is_empty() && !account.regions.contains(r))
    {
        return Err(format!("its region {region} is not among its regions"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_json(json: &str, variables: &[(&str, &str)]) -> Result<Accounts, String> {
        let pairs = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        load(
            &AwsConfig::for_tests(&["--account-registry", json]),
            &AccountVariables::from_pairs(pairs),
        )
        .map_err(|e| e.to_string())
    }

    #[test]
    fn json_and_variables_merge_and_the_variables_win() {
        let json = r#"{"accounts": [
            {"name": "central", "id": "111111111111", "role": "central"},
            {"name": "production", "id": "222222222222", "environment": "production", "external_id": "x"}]}"#;
        let variables = [
            ("ACCOUNT_PRODUCTION_ROLE_ARN", "arn:aws:iam::222222222222:role/special"),
            ("ACCOUNT_DEV_PROFILE", "dev-sso"),
        ];
        let accounts = load_json(json, &variables).unwrap();
        let production = accounts.find("production").unwrap();
        assert_eq!(accounts.role_of(&production).unwrap().name(), "special");
        assert_eq!(
            accounts.find("dev").unwrap().profile.as_ref().unwrap().as_str(),
            "dev-sso"
        );
        assert_eq!(
            accounts.workloads().map(|a| a.name.as_str()).collect::<Vec<_>>(),
            ["production", "dev"]
        );
    }

    #[test]
    fn a_path_serves_as_well() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"[{"name": "a", "id": "222222222222"}]"#).unwrap();
        let accounts = load_json(file.path().to_str().unwrap(), &[]).unwrap();
        assert_eq!(
            accounts.role_of(&accounts.find("a").unwrap()).unwrap().name(),
            "aws-ops-target"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (json, expected) in [
            ("[{\n\"name\": \"a\",,}]", "line 2"),
            (r#"{"account": []}"#, "expected a list of accounts"),
            (
                r#"[{"name": "a", "id": "22"}]"#,
                "account 1 (`a`): an account id has exactly 12 digits",
            ),
            (r#"[{"name": "a", "idd": "222222222222"}]"#, "unknown field `idd`"),
            (r#"[{"id": "222222222222"}]"#, "missing field `name`"),
            (r#"[{"name": "a"}]"#, "needs an `id`, a `role_arn` or a `profile`"),
            (
                r#"[{"name": "a", "id": "222222222222", "role_arn": "arn:aws:iam::333333333333:role/x"}]"#,
                "names account 333333333333",
            ),
            (
                r#"[{"name": "a", "id": "222222222222", "region": "us-esat-1"}]"#,
                "did you mean `us-east-1`",
            ),
            (
                r#"[{"name": "a", "id": "222222222222"}, {"name": "a", "id": "333333333333"}]"#,
                "names another account already",
            ),
            ("/no/such/file.json", "can't read the file"),
        ] {
            let said = load_json(json, &[]).map(|_| ()).unwrap_err();
            assert!(said.contains(expected), "{json}: {said}");
        }
        let said = load_json("[]", &[("ACCOUNT_X_ROLE_ARN", "arn:aws:iam::1:role/x")])
            .map(|_| ())
            .unwrap_err();
        assert!(
            said.starts_with("ACCOUNT_X_ROLE_ARN: wrong value `arn:aws:iam::1:role/x`"),
            "{said}"
        );
    }
}
