//! Account ids, role ARNs and profile names as types: one that exists is well-formed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A 12-digit AWS account id. Source: IAM's reference, "AWS account identifiers".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // ASCII only: Unicode has other digits, which AWS's own parsers would read differently.
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an account id has exactly 12 digits".to_owned())
        }
    }
}

/// The ARN of an IAM role, well-formed by IAM's grammar, so that nothing else can reach STS.
///
/// Source: IAM's reference, "IAM ARNs" and CreateRole's parameters RoleName and Path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

impl RoleArn {
    /// The role `name` (with its path, if any) in `account`.
    ///
    /// # Errors
    /// A name that IAM would not take.
    pub fn new(partition: &str, account: &AccountId, name: &str) -> Result<Self, String> {
        format!("arn:{partition}:iam::{}:role/{name}", account.as_str()).parse()
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that the role is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The partition that it is in: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or_default()
    }

    /// The role's name with its path, if it has one.
    pub fn path_and_name(&self) -> &str {
        self.text.split_once(":role/").map_or("", |(_, name)| name)
    }

    /// The role's name without its path.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "expected a role ARN such as arn:aws:iam::123456789012:role/aws-ops-target".to_owned();
        let rest = text.strip_prefix("arn:").ok_or_else(wrong)?;
        let (partition, rest) = rest.split_once(':').ok_or_else(wrong)?;
        if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov") {
            return Err(wrong());
        }
        let (account, rest) = rest
            .strip_prefix("iam::")
            .and_then(|r| r.split_once(':'))
            .ok_or_else(wrong)?;
        let account: AccountId = account.parse().map_err(|_| wrong())?;
        let path = rest.strip_prefix("role/").ok_or_else(wrong)?;
        // AWS allows more in a path than this; dots alone are refused because other parsers fold `..` away.
        let segment = |s: &str| {
            !s.is_empty()
                && s.len() <= 64
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
                && !s.bytes().all(|b| b == b'.')
        };
        if path.len() <= 512 && path.split('/').all(segment) {
            Ok(Self {
                text: text.to_owned(),
                account,
            })
        } else {
            Err(wrong())
        }
    }
}

/// The name of a profile in `~/.aws/config` or `~/.aws/credentials`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

impl ProfileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = |c: char| !c.is_control() && !"[]#;".contains(c);
        if !text.is_empty() && text.len() <= 128 && text.trim() == text && text.chars().all(fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected the name of a profile in ~/.aws/config".to_owned())
        }
    }
}

macro_rules! text_conversions {
    ($($type:ty => $text:ident),*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.$text().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.$text())
            }
        }
    )*};
}

text_conversions!(AccountId => as_str, RoleArn => as_str, ProfileName => as_str);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What an attacker, or a confused model, might send as a role ARN. None may reach STS.
    pub(crate) const MALFORMED_ROLE_ARNS: [&str; 44] = [
        "",
        "x",
        "role",
        "arn:aws:iam",
        "arn:aws:iam::222222222222:role",
        "arn:aws:iam::222222222222:role/",
        "arn:aws:iam::222222222222:role//x",
        "arn:aws:iam::222222222222:role/x/",
        "arn:aws:iam::222222222222:role/../x",
        "arn:aws:iam::222222222222:role/a/../../x",
        "arn:aws:iam::222222222222:role/./x",
        "arn:aws:iam::222222222222:role/x y",
        "arn:aws:iam::222222222222:role/x\n",
        "\narn:aws:iam::222222222222:role/x",
        "arn:aws:iam::222222222222:role/x\0",
        "arn:aws:iam::222222222222:role/x%2F..",
        "arn:aws:iam::222222222222:role/x?y",
        "arn:aws:iam::222222222222:role/x#y",
        "arn:aws:iam::222222222222:role/x;y",
        "arn:aws:iam::222222222222:role/x*",
        "arn:aws:iam::*:role/aws-ops-target",
        "arn:aws:iam::222222222222:role/aws-ops-target ",
        " arn:aws:iam::222222222222:role/aws-ops-target",
        "ARN:aws:iam::222222222222:role/aws-ops-target",
        "arn:AWS:iam::222222222222:role/aws-ops-target",
        "arn:aws:IAM::222222222222:role/aws-ops-target",
        "arn:aws:iam::222222222222:Role/aws-ops-target",
        "arn:aws:iam:us-east-1:222222222222:role/aws-ops-target",
        "arn:aws:sts::222222222222:role/aws-ops-target",
        "arn:aws:sts::222222222222:assumed-role/aws-ops-target/x",
        "arn:aws:iam::222222222222:user/aws-ops-target",
        "arn:aws:iam::222222222222:instance-profile/aws-ops-target",
        "arn:aws:iam::22222222222:role/aws-ops-target",
        "arn:aws:iam::2222222222222:role/aws-ops-target",
        "arn:aws:iam::22222222222a:role/aws-ops-target",
        "arn:aws:iam::２２２２２２２２２２２２:role/aws-ops-target",
        "arn:aws:iam::٢٢٢٢٢٢٢٢٢٢٢٢:role/aws-ops-target",
        "arn:aws:iam::222222222222:role/aws‑ops‑target",
        "arn:aws:iam::222222222222:role/\u{202e}tegrat",
        "arn:aws:iam::222222222222:role/тarget",
        "arn:aws-evil:iam::222222222222:role/aws-ops-target",
        "arn::iam::222222222222:role/aws-ops-target",
        "https://sts.evil/arn:aws:iam::222222222222:role/x",
        "arn:aws:iam::222222222222:role/aws-ops-target,arn:aws:iam::333333333333:role/x",
    ];

    #[test]
    fn role_arns_follow_iams_grammar() {
        let arn: RoleArn = "arn:aws-us-gov:iam::123456789012:role/team/aws-ops-target"
            .parse()
            .unwrap();
        assert_eq!(arn.account().as_str(), "123456789012");
        assert_eq!((arn.name(), arn.partition()), ("aws-ops-target", "aws-us-gov"));
        for wrong in MALFORMED_ROLE_ARNS {
            assert!(wrong.parse::<RoleArn>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn account_ids_are_twelve_ascii_digits() {
        assert!("123456789012".parse::<AccountId>().is_ok());
        for wrong in [
            "12345678901",
            "1234567890123",
            "１２３４５６７８９０１２",
            "12345678901a",
            "",
        ] {
            assert!(wrong.parse::<AccountId>().is_err(), "{wrong}");
        }
    }
}
