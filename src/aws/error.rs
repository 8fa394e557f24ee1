//! Why a call could not get at an account, and who can do what about it.

use super::ids::{AccountId, RoleArn};

/// What went wrong between the selector and the credentials. `Display` says what happened, [`AccountError::hint`] what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccountError {
    /// No account of that name.
    #[error("no account is called `{name}`; {}", known_accounts(.known))]
    Unknown {
        /// What the call said.
        name: String,
        /// What it may have meant.
        near: Option<String>,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The selector contradicts itself or is malformed.
    #[error("{0}")]
    Selector(String),
    /// The role is well-formed, but no configuration allows it.
    #[error("the role {role} is not one that this server may assume")]
    RoleNotAllowed {
        /// The role asked for.
        role: RoleArn,
    },
    /// Profiles are switched off here.
    #[error("profiles are switched off on this server")]
    ProfilesOff,
    /// This profile is none of those that calls may name.
    #[error("profile `{name}` is not one that calls may name here; allowed: {}", .allowed.join(", "))]
    ProfileNotAllowed {
        /// What the call said.
        name: String,
        /// What it may say.
        allowed: Vec<String>,
    },
    /// The call names no account, and the server's own identity is not for calls here.
    #[error("this server's own credentials are not for calls")]
    BaseCredentialsOff,
    /// The credentials are in another account than the configuration says.
    #[error(
        "the configuration says account {expected}, but the credentials are {arn} in account {found}: nothing was changed"
    )]
    WrongAccount {
        /// What the registry or the role says.
        expected: AccountId,
        /// What GetCallerIdentity says.
        found: AccountId,
        /// Whose credentials they are.
        arn: String,
    },
    /// STS does not take the session policy or another parameter.
    #[error("STS did not take the session for {role}: {message}")]
    Policy {
        /// The role asked for.
        role: RoleArn,
        /// STS's message.
        message: String,
    },
    /// Session policy and tags together are more than STS packs.
    #[error("the session policy and tags for {role} are too large for STS: {message}")]
    PolicyTooLarge {
        /// The role asked for.
        role: RoleArn,
        /// STS's message, which names the percentage.
        message: String,
    },
    /// STS refused AssumeRole.
    #[error("STS refused to assume {role}: {message}")]
    AssumeDenied {
        /// The role asked for.
        role: RoleArn,
        /// STS's message, which names the identity that asked.
        message: String,
        /// STS's request id.
        request_id: Option<String>,
    },
    /// The SSO login of a profile has expired or never happened.
    #[error("the SSO session of {} has expired", profile_text(.profile.as_deref()))]
    SsoExpired {
        /// The profile; `None` is the default one.
        profile: Option<String>,
    },
    /// There are no credentials where some were looked for.
    #[error("no AWS credentials: {message}")]
    None {
        /// Where they were looked for.
        message: String,
    },
    /// The credentials exist, but AWS no longer takes them.
    #[error("AWS does not accept the base credentials: {message}")]
    Rejected {
        /// AWS's message.
        message: String,
    },
    /// STS or the identity provider throttled the request.
    #[error("AWS throttled the sign-in: {message}")]
    Throttled {
        /// AWS's message.
        message: String,
    },
    /// Nobody answered.
    #[error("the sign-in did not get through: {message}")]
    Unreachable {
        /// What the network said.
        message: String,
    },
}

impl AccountError {
    /// Who can mend it, and how.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { near: Some(near), .. } => format!("Did you mean `{near}`? list_accounts shows them all."),
            Self::Unknown { known, .. } if known.is_empty() => {
                "No accounts are registered. Set ACCOUNT_REGISTRY or ACCOUNT_<NAME>_ROLE_ARN on the server.".to_owned()
            }
            Self::Unknown { .. } => "Use one of these names, or the account's 12-digit id.".to_owned(),
            Self::Selector(_) => return None,
            Self::RoleNotAllowed { .. } => {
                "Name a registered account instead, or have the server's owner add the role to ACCOUNT_REGISTRY or ALLOWED_ROLE_ARNS.".to_owned()
            }
            Self::ProfilesOff => "Name an `account` or a `role_arn` instead; list_accounts shows the accounts.".to_owned(),
            Self::ProfileNotAllowed { .. } => {
                "Name an `account`, or have the server's owner add the profile to PROFILES.".to_owned()
            }
            Self::BaseCredentialsOff => "Name an `account`; list_accounts shows them.".to_owned(),
            Self::WrongAccount { .. } => "Correct the account's `id`, `role_arn` or `profile` in ACCOUNT_REGISTRY, or the profile itself; `aws-ops-mcp check` compares them all.".to_owned(),
            Self::Policy { .. } => "Name the resource by its plain name or ARN. If it is one, this is a bug: please report the message.".to_owned(),
            Self::PolicyTooLarge { .. } => "Set SESSION_TAGS=off on the server, or enable fewer tools of this toolset; for a change of one resource, its name is too long.".to_owned(),
            Self::AssumeDenied { role, message, .. } => assume_hint(role, message),
            Self::SsoExpired { profile } => match profile {
                Some(p) => format!("Run `aws sso login --profile {p}` where the server runs, then call again."),
                None => "Run `aws sso login` where the server runs, then call again.".to_owned(),
            },
            Self::None { .. } => "Give the server credentials: a profile (AWS_PROFILE), `aws sso login`, keys in the environment, or in Kubernetes an IRSA or Pod Identity service account. `aws-ops-mcp check` tells what it finds.".to_owned(),
            Self::Rejected { .. } => "Renew the credentials that the server runs with; `aws-ops-mcp check` tells which they are.".to_owned(),
            Self::Throttled { .. } => "Call again in a few seconds.".to_owned(),
            Self::Unreachable { .. } => "Check the server's network, proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL, then call again.".to_owned(),
        })
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unreachable { .. })
    }
}

/// An error and its causes in words. The SDK's own `DisplayErrorContext` adds the debug form, which quotes whole responses.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// The [`AccountError`] that hides in an SDK error's causes, when the SDK could not sign because of one.
pub fn inside<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a AccountError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<AccountError>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Names both sides of an AssumeRole: the policy that must allow it and the trust policy that must name the caller.
fn assume_hint(role: &RoleArn, message: &str) -> String {
    let who = message
        .split_whitespace()
        .find(|w| w.starts_with("arn:"))
        .map_or("the server's base identity", trimmed);
    let principal = principal_of(who);
    if message.contains(INHERITED) {
        return format!(
            "{who} carries a SourceIdentity already, which no session can replace: set SOURCE_IDENTITY=off on the server."
        );
    }
    if let Some((action, switch)) = refused_naming(message) {
        return format!(
            "Either who owns account {} adds {action} to the trust policy of {role} ({{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"{principal}\"}},\
             \"Action\":[\"sts:AssumeRole\",\"sts:TagSession\",\"sts:SetSourceIdentity\"]}}), and the policy of {principal} allows it too, or the server's \
             owner sets {switch}=off (the base session's own {} need the action all the same).",
            role.account(),
            if switch == "SESSION_TAGS" {
                "transitive tags, such as EKS Pod Identity's,"
            } else {
                "SourceIdentity would"
            }
        );
    }
    format!(
        "Either {role} does not exist, or its trust policy does not allow {principal} (sts:AssumeRole), or the policy of {principal} \
         does not allow sts:AssumeRole on it, or the role wants an external id (set `external_id` in ACCOUNT_REGISTRY). \
         Who owns account {} adds {{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"{principal}\"}},\"Action\":\"sts:AssumeRole\"}} to the trust policy.",
        role.account()
    )
}

/// What STS says to a session that carries a SourceIdentity and would set another.
const INHERITED: &str = "SourceIdentity cannot be changed";

/// The action beside sts:AssumeRole that STS refused, and the setting that does without it.
pub fn refused_naming(message: &str) -> Option<(&'static str, &'static str)> {
    const ACTIONS: [(&str, &str); 2] = [
        ("sts:SetSourceIdentity", "SOURCE_IDENTITY"),
        ("sts:TagSession", "SESSION_TAGS"),
    ];
    let [source_identity, _] = ACTIONS;
    if message.contains(INHERITED) {
        return Some(source_identity);
    }
    let refused = message.split("perform: ").nth(1)?.split_whitespace().next()?;
    ACTIONS.into_iter().find(|(action, _)| *action == trimmed(refused))
}

fn trimmed(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', ':'])
}

/// The IAM role behind an assumed-role session, since that is what a trust policy names.
fn principal_of(arn: &str) -> String {
    let session = || -> Option<String> {
        let (head, rest) = arn.split_once(":assumed-role/")?;
        let (name, _) = rest.split_once('/')?;
        Some(format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1)))
    };
    session().unwrap_or_else(|| arn.to_owned())
}

fn known_accounts(known: &[String]) -> String {
    match known.len() {
        0 => "no accounts are registered".to_owned(),
        1..=20 => format!("the accounts are: {}", known.join(", ")),
        n => format!(
            "the first of {n} accounts are: {}",
            known.iter().take(20).cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

fn profile_text(profile: Option<&str>) -> String {
    profile.map_or_else(|| "the default profile".to_owned(), |p| format!("profile `{p}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_role_names_both_sides() {
        let error = AccountError::AssumeDenied {
            role: "arn:aws:iam::222222222222:role/aws-ops-target".parse().unwrap(),
            message: "User: arn:aws:sts::111111111111:assumed-role/base/pod is not authorized to perform: sts:AssumeRole on resource: x".to_owned(),
            request_id: None,
        };
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("\"AWS\":\"arn:aws:iam::111111111111:role/base\""),
            "{hint}"
        );
        assert!(hint.contains("222222222222"), "{hint}");
    }

    #[test]
    fn a_refused_name_or_tag_has_two_ways_out() {
        for (action, switch) in [
            ("sts:SetSourceIdentity", "SOURCE_IDENTITY=off"),
            ("sts:TagSession", "SESSION_TAGS=off"),
        ] {
            let error = AccountError::AssumeDenied {
                role: "arn:aws:iam::222222222222:role/aws-ops-target".parse().unwrap(),
                message: format!(
                    "User: arn:aws:sts::111111111111:assumed-role/base/pod is not authorized to perform: {action} on resource: x"
                ),
                request_id: None,
            };
            let hint = error.hint().unwrap();
            assert!(hint.contains(action) && hint.contains(switch), "{hint}");
            assert!(
                hint.contains("trust policy") && hint.contains("arn:aws:iam::111111111111:role/base"),
                "{hint}"
            );
        }
        assert_eq!(
            refused_naming("not authorized to perform: sts:AssumeRole on resource: x"),
            None
        );
    }

    #[test]
    fn an_expired_login_names_the_command() {
        let error = AccountError::SsoExpired {
            profile: Some("prod".to_owned()),
        };
        assert!(error.hint().unwrap().contains("aws sso login --profile prod"));
    }
}
