//! Reading the accounts: `ACCOUNT_REGISTRY` (a path or the JSON itself), then `ACCOUNT_<NAME>_*`, the later winning.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::config::{AccountVariables, AwsConfig, ConfigError, Region, Secret};

use super::{
    accounts::{Account, Accounts, Kind},
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
    let mut accounts = match &config.account_registry {
        Some(registry) => read(registry)?,
        None => Vec::new(),
    };
    for (name, variable) in &variables.0 {
        let key = |suffix| format!("ACCOUNT_{}_{suffix}", name.to_ascii_uppercase().replace('-', "_"));
        let role_arn = parsed::<RoleArn>(&key("ROLE_ARN"), variable.role_arn.as_deref())?;
        let profile = parsed::<ProfileName>(&key("PROFILE"), variable.profile.as_deref())?;
        let same = |a: &&mut Account| a.name.to_ascii_lowercase().replace('_', "-") == *name;
        match accounts.iter_mut().find(same) {
            Some(account) => {
                account.role_arn = role_arn.or(account.role_arn.take());
                account.profile = profile.or(account.profile.take());
            }
            None => accounts.push(Account {
                id: role_arn.as_ref().map(|r| r.account().clone()),
                role_arn,
                profile,
                ..blank(name)
            }),
        }
    }
    for account in &mut accounts {
        finish(account).map_err(|e| ConfigError::Invalid(format!("account `{}`: {e}", account.name)))?;
    }
    for pattern in &config.allowed_role_arns {
        // The account must be spelled out: a pattern over accounts would open every account that trusts the base role.
        let probe = pattern.replace('*', "x");
        probe
            .parse::<RoleArn>()
            .map_err(|e| ConfigError::wrong("ALLOWED_ROLE_ARNS", pattern, e))?;
    }
    let partition = config.region.unwrap_or(Region::DEFAULT).partition();
    Accounts::new(
        accounts,
        &config.target_role_name,
        partition,
        config.allowed_role_arns.clone(),
    )
    .map_err(ConfigError::Invalid)
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
    let inline = registry.trim_start().starts_with(['[', '{']);
    let (place, text) = if inline {
        ("ACCOUNT_REGISTRY".to_owned(), registry.to_owned())
    } else {
        let text = std::fs::read_to_string(Path::new(registry))
            .map_err(|e| ConfigError::wrong("ACCOUNT_REGISTRY", registry, format!("can't read the file: {e}")))?;
        (format!("ACCOUNT_REGISTRY ({registry})"), text)
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
        ..blank(&entry.name)
    })
}

fn blank(name: &str) -> Account {
    Account {
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
