//! From a selector that names several accounts and regions to its targets, in a stable order.

use std::sync::Arc;

use crate::{
    auth::Caller,
    config::{Region, value::nearest},
};

use super::{
    accounts::Account,
    error::AccountError,
    ids::RoleArn,
    resolve::{Resolver, Selector, Target},
};

/// The regions that every account has without opting in. Source: AWS Account Management, "Enable or disable AWS Regions".
const ENABLED_BY_DEFAULT: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
];

/// One of several targets: what to call it, and what it resolved to.
#[derive(Debug)]
pub struct Selected {
    /// The account's name; `None` where the call named a role, a profile or nothing.
    pub account: Option<String>,
    /// The region's name, if one was named or is known.
    pub region: Option<String>,
    /// The target. An account that does not allow a region is an error of its own, which does not stop the others.
    pub target: Result<Target, AccountError>,
}

/// The targets that a selector means: every account in every region, in the registry's order.
///
/// # Errors
/// A contradiction, or a name that means nothing: half an answer would look like a whole one.
pub fn targets(resolver: &Resolver, selector: &Selector, caller: &Caller) -> Result<Vec<Selected>, AccountError> {
    if selector.regions.is_some() && selector.region.is_some() {
        return Err(AccountError::Selector(
            "send `region` or `regions`, not both".to_owned(),
        ));
    }
    let one = |account: Option<&Arc<Account>>| Selector {
        account: account.map(|a| a.name.clone()).or_else(|| selector.account.clone()),
        role_arn: selector.role_arn.clone(),
        profile: selector.profile.clone(),
        region: selector.region.clone(),
        ..Selector::default()
    };
    let singles: Vec<(Option<Arc<Account>>, Selector)> = match &selector.accounts {
        Some(names) => {
            if selector.account.is_some() || selector.role_arn.is_some() || selector.profile.is_some() {
                let words = "`accounts` can't be sent together with account, role_arn or profile";
                return Err(AccountError::Selector(words.to_owned()));
            }
            let accounts = accounts(resolver, names)?;
            accounts.into_iter().map(|a| (Some(a.clone()), one(Some(&a)))).collect()
        }
        None => vec![(
            selector
                .account
                .as_deref()
                .map(|n| resolver.accounts().find(n))
                .transpose()?,
            one(None),
        )],
    };
    let mut selected = Vec::new();
    for (account, single) in singles {
        let regions = match &selector.regions {
            Some(names) => regions(resolver, names, account.as_deref())?
                .into_iter()
                .map(Some)
                .collect(),
            None => vec![selector.region.clone()],
        };
        for region in regions {
            let target = resolver.resolve(
                &Selector {
                    region: region.clone(),
                    ..single.clone()
                },
                caller,
            );
            let known = target.as_ref().ok().and_then(|t| t.region).map(|r| r.to_string());
            selected.push(Selected {
                account: account.as_ref().map(|a| a.name.clone()),
                region: region.or(known),
                target,
            });
        }
    }
    Ok(selected)
}

/// The accounts that a list of words means, each once, in the registry's order.
fn accounts(resolver: &Resolver, words: &[String]) -> Result<Vec<Arc<Account>>, AccountError> {
    if words.is_empty() {
        return Err(AccountError::Selector(
            "`accounts` is empty: send [\"all\"], or names".to_owned(),
        ));
    }
    let registry = resolver.accounts();
    let mut chosen: Vec<Arc<Account>> = Vec::new();
    for word in words {
        let found: Vec<Arc<Account>> = if word == "all" {
            registry.workloads().cloned().collect()
        } else if let Some(environment) = word.strip_prefix("environment:") {
            let same = |a: &&Arc<Account>| a.environment.as_deref() == Some(environment);
            registry.workloads().filter(same).cloned().collect()
        } else if let Some((key, value)) = word.strip_prefix("tag:").and_then(|t| t.split_once('=')) {
            registry
                .workloads()
                .filter(|a| a.tags.get(key).is_some_and(|v| v == value))
                .cloned()
                .collect()
        } else {
            vec![registry.find(word)?]
        };
        if found.is_empty() {
            return Err(AccountError::Selector(nothing(resolver, word)));
        }
        chosen.extend(found);
    }
    Ok(registry
        .all()
        .filter(|a| chosen.iter().any(|c| Arc::ptr_eq(a, c)))
        .cloned()
        .collect())
}

/// Says that a word means no account, and what it may have meant.
fn nothing(resolver: &Resolver, word: &str) -> String {
    let accounts = resolver.accounts();
    let environments: Vec<&str> = accounts.workloads().filter_map(|a| a.environment.as_deref()).collect();
    let meant = word
        .strip_prefix("environment:")
        .and_then(|e| nearest(e, environments.iter().copied()));
    match meant {
        Some(meant) => format!("`{word}` means no account; did you mean `environment:{meant}`?"),
        None => format!("`{word}` means no account; list_accounts shows names, environments and tags"),
    }
}

/// The regions that a list of words means in an account, each once.
fn regions(resolver: &Resolver, words: &[String], account: Option<&Account>) -> Result<Vec<String>, AccountError> {
    if words.is_empty() {
        return Err(AccountError::Selector(
            "`regions` is empty: send [\"all\"], or names".to_owned(),
        ));
    }
    let mut chosen: Vec<String> = Vec::new();
    for word in words {
        let found: Vec<String> = match (word.as_str(), account) {
            ("all", Some(account)) if !account.regions.is_empty() => {
                account.regions.iter().map(ToString::to_string).collect()
            }
            ("all", account) => {
                let role = account.and_then(|a| resolver.accounts().role_of(a));
                enabled(role.as_ref().map_or("aws", RoleArn::partition))
            }
            (name, _) => {
                let region: Region = name
                    .parse()
                    .map_err(|e| AccountError::Selector(format!("region `{name}`: {e}")))?;
                vec![region.to_string()]
            }
        };
        chosen.extend(found.into_iter().filter(|r| !chosen.contains(r)).collect::<Vec<_>>());
    }
    Ok(chosen)
}

/// The regions that an account of this partition has. Only the commercial one has some to opt in to.
fn enabled(partition: &str) -> Vec<String> {
    if partition == "aws" {
        return ENABLED_BY_DEFAULT.map(str::to_owned).to_vec();
    }
    Region::all()
        .filter(|r| r.partition() == partition)
        .map(|r| r.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver() -> Resolver {
        let json = r#"[
            {"name": "central", "id": "111111111111", "kind": "central"},
            {"name": "production", "id": "222222222222", "environment": "production", "tags": {"team": "payments"}, "regions": ["us-east-1", "eu-west-1"]},
            {"name": "staging", "id": "333333333333", "environment": "staging", "tags": {"team": "payments"}},
            {"name": "lab", "id": "444444444444", "aliases": ["sandbox"], "environment": "staging"}]"#;
        Resolver::new(Arc::new(crate::aws::registry::parse(json).unwrap()), None, true)
    }

    fn named(accounts: &[&str], regions: Option<&[&str]>) -> Result<Vec<String>, AccountError> {
        let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let selector = Selector {
            accounts: Some(words(accounts)),
            regions: regions.map(words),
            ..Selector::default()
        };
        let selected = targets(&resolver(), &selector, &Caller::local())?;
        Ok(selected
            .iter()
            .map(|s| {
                format!(
                    "{}/{}",
                    s.account.as_deref().unwrap(),
                    s.region.as_deref().unwrap_or("?")
                )
            })
            .collect())
    }

    #[test]
    fn words_mean_accounts_in_the_registrys_order_and_each_once() {
        assert_eq!(
            named(&["all"], None).unwrap(),
            ["production/us-east-1", "staging/us-east-1", "lab/us-east-1"]
        );
        assert_eq!(
            named(&["lab", "environment:staging", "333333333333"], None).unwrap(),
            ["staging/us-east-1", "lab/us-east-1"]
        );
        assert_eq!(
            named(&["tag:team=payments"], None).unwrap(),
            ["production/us-east-1", "staging/us-east-1"]
        );
        // The server's own identity may bring a region, which is known when it signs in.
        assert_eq!(
            named(&["sandbox", "central"], None).unwrap(),
            ["central/?", "lab/us-east-1"]
        );
    }

    #[test]
    fn regions_multiply_and_all_means_the_accounts_own() {
        assert_eq!(
            named(&["production"], Some(&["all"])).unwrap(),
            ["production/us-east-1", "production/eu-west-1"]
        );
        assert_eq!(named(&["lab"], Some(&["all"])).unwrap().len(), ENABLED_BY_DEFAULT.len());
        let both = named(&["production", "lab"], Some(&["eu-west-1", "ap-south-1"])).unwrap();
        assert_eq!(
            both,
            [
                "production/eu-west-1",
                "production/ap-south-1",
                "lab/eu-west-1",
                "lab/ap-south-1"
            ]
        );
        assert_eq!(enabled("aws-us-gov"), ["us-gov-east-1", "us-gov-west-1"]);
        assert!(ENABLED_BY_DEFAULT.iter().all(|r| r.parse::<Region>().is_ok()));
    }

    #[test]
    fn a_region_that_one_account_does_not_allow_stops_only_that_one() {
        let words = |w: &str| Some(vec![w.to_owned()]);
        let selector = Selector {
            accounts: words("all"),
            regions: words("ap-south-1"),
            ..Selector::default()
        };
        let selected = targets(&resolver(), &selector, &Caller::local()).unwrap();
        let failed: Vec<_> = selected
            .iter()
            .filter(|s| s.target.is_err())
            .map(|s| s.account.clone().unwrap())
            .collect();
        assert_eq!((selected.len(), failed), (3, vec!["production".to_owned()]));
    }

    #[test]
    fn words_that_mean_nothing_stop_the_call() {
        for (words, expected) in [
            (&["prodcution"][..], "prodcution"),
            (&["environment:prodution"], "environment:production"),
            (&["tag:team=nobody"], "means no account"),
            (&[], "is empty"),
        ] {
            let said = named(words, None).unwrap_err();
            let said = format!("{said} {}", said.hint().unwrap_or_default());
            assert!(said.contains(expected), "{said}");
        }
        assert!(
            named(&["all"], Some(&["us-esat-1"]))
                .unwrap_err()
                .to_string()
                .contains("us-east-1")
        );
        let both = Selector {
            account: Some("lab".to_owned()),
            accounts: Some(vec!["all".to_owned()]),
            ..Selector::default()
        };
        assert!(targets(&resolver(), &both, &Caller::local()).is_err());
    }
}
