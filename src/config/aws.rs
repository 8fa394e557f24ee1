//! Which accounts there are, how they are reached, and how patient the AWS clients are.

use std::{path::PathBuf, time::Duration};

use clap::ArgAction;

use super::{
    env::ConfigError,
    region::Region,
    value::{Limit, count_limit, duration_limit, on_off},
};

/// Accounts, credentials and endpoints.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsConfig {
    /// Region of calls that name none; without it the profile's region, else us-east-1
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<Region>,

    /// The accounts: a path to a JSON file, or the JSON itself (see README, "Accounts")
    #[arg(long, env = "ACCOUNT_REGISTRY", value_name = "PATH|JSON")]
    pub account_registry: Option<String>,

    /// How often the registry's file is looked at for changes; SIGHUP reads it at once
    #[arg(long, env = "REGISTRY_REFRESH", default_value = "10s", value_parser = duration_limit)]
    pub registry_refresh: Limit<Duration>,

    /// Registered account through which AWS Organizations lists all accounts; those that the registry does not name are added
    #[arg(long, env = "ORGANIZATIONS_ACCOUNT", value_name = "ACCOUNT")]
    pub organizations_account: Option<String>,

    /// How often the organization is listed
    #[arg(long, env = "ORGANIZATIONS_REFRESH", default_value = "15m", value_parser = duration_limit)]
    pub organizations_refresh: Limit<Duration>,

    /// Name of the role to assume in a registered account that states no role_arn of its own
    #[arg(long, env = "TARGET_ROLE_NAME", default_value = "aws-ops-target", value_parser = role_name, value_name = "NAME")]
    pub target_role_name: String,

    /// Role ARNs beyond the registry's that a call's `role_arn` may name; `*` stands for any characters but `/` and `:`
    #[arg(long, env = "ALLOWED_ROLE_ARNS", value_delimiter = ',', value_name = "ARN,…")]
    pub allowed_role_arns: Vec<String>,

    /// Which profiles of ~/.aws calls may name: `on` (all), `off`, or names; without it on, but off where a web identity (IRSA) is mounted
    #[arg(long, env = "PROFILES", value_name = "on|off|NAME,…", value_parser = profiles)]
    pub profiles: Option<Profiles>,

    /// Whether calls that name no account, role or profile act as the server's own identity
    #[arg(long, env = "BASE_CREDENTIALS", default_value = "on", value_name = "on|off", value_parser = on_off, action = ArgAction::Set)]
    pub base_credentials: bool,

    /// Whether role sessions carry the caller as SourceIdentity; each role's trust policy must allow sts:SetSourceIdentity
    #[arg(long, env = "SOURCE_IDENTITY", default_value = "on", value_name = "on|off", value_parser = on_off, action = ArgAction::Set)]
    pub source_identity: bool,

    /// Whether role sessions carry the tags `caller` and, for a change, `tool`; each role's trust policy must allow sts:TagSession
    #[arg(long, env = "SESSION_TAGS", default_value = "on", value_name = "on|off", value_parser = on_off, action = ArgAction::Set)]
    pub session_tags: bool,

    /// Another endpoint for every AWS service, such as an emulator's
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,

    /// PEM file of certificate authorities to trust beside the system's
    #[arg(long, env = "AWS_CA_BUNDLE", value_name = "PATH")]
    pub ca_bundle: Option<PathBuf>,

    /// Set by IRSA; only its presence is looked at here, the SDK reads it
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "PATH", hide = true)]
    pub web_identity_token_file: Option<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it; clap would show the text as a heading")]
    pub limits: AwsLimits,
}

/// Limits of the AWS side.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits (each takes `off`)")]
pub struct AwsLimits {
    /// Time one tool call may take, all its AWS calls together
    #[arg(long, env = "TOOL_TIMEOUT", default_value = "60s", value_parser = duration_limit)]
    pub tool_timeout: Limit<Duration>,

    /// Targets of one call that are asked at once
    #[arg(long, env = "FAN_OUT_PARALLELISM", default_value = "64", value_parser = count_limit)]
    pub fan_out_parallelism: Limit<usize>,

    /// Time each target of a call over several may take
    #[arg(long, env = "TARGET_TIMEOUT", default_value = "40s", value_parser = duration_limit)]
    pub target_timeout: Limit<Duration>,

    /// Calls of one target (an identity in a region) that fail in a row for want of an answer or a sign-in before its calls fail at once
    #[arg(long, env = "TARGET_FAILURES", default_value = "5", value_parser = count_limit)]
    pub target_failures: Limit<usize>,

    /// Time for which they do; then one call tries
    #[arg(long, env = "TARGET_PAUSE", default_value = "10s", value_parser = duration_limit)]
    pub target_pause: Limit<Duration>,

    /// Largest tool result; longer ones are cut, with a note and a cursor
    #[arg(long, env = "MAX_RESULT_BYTES", default_value = "1MiB", value_parser = super::value::bytes_limit)]
    pub max_result_bytes: Limit<usize>,

    /// Time to connect to AWS
    #[arg(long, env = "AWS_CONNECT_TIMEOUT", default_value = "3.1s", value_parser = duration_limit)]
    pub connect_timeout: Limit<Duration>,

    /// Time one attempt of an AWS call may take
    #[arg(long, env = "AWS_ATTEMPT_TIMEOUT", default_value = "10s", value_parser = duration_limit)]
    pub attempt_timeout: Limit<Duration>,

    /// Time one AWS call may take, all attempts together
    #[arg(long, env = "AWS_OPERATION_TIMEOUT", default_value = "30s", value_parser = duration_limit)]
    pub operation_timeout: Limit<Duration>,

    /// Attempts of one AWS call, the first included
    #[arg(long, env = "AWS_MAX_ATTEMPTS", default_value_t = 3, value_parser = attempts)]
    pub max_attempts: u32,

    /// Role sessions that are kept; the least recently used goes first
    #[arg(long, env = "CREDENTIAL_CACHE_SIZE", default_value = "8192", value_parser = count_limit)]
    pub credential_cache_size: Limit<usize>,

    /// Role sessions that are asked of STS in a second; AWS allows 600 to everybody in the calling account together
    #[arg(long, env = "ASSUME_ROLE_RATE", default_value = "50", value_parser = count_limit)]
    pub assume_role_rate: Limit<usize>,
}

/// Which profiles calls may name.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Profiles {
    /// Every one.
    Any,
    /// None: no tool has the argument.
    #[default]
    Off,
    /// These.
    Only(Vec<String>),
}

impl From<bool> for Profiles {
    fn from(on: bool) -> Self {
        if on { Self::Any } else { Self::Off }
    }
}

impl From<&Self> for Profiles {
    fn from(profiles: &Self) -> Self {
        profiles.clone()
    }
}

impl AwsConfig {
    /// What the variables, and no flags, make of it: for commands that have other flags.
    ///
    /// # Errors
    /// The first wrong value, in one line.
    pub fn from_environment() -> Result<Self, super::ConfigError> {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            aws: AwsConfig,
        }
        super::env::parse::<Alone>(["aws-ops-mcp".into()]).map(|alone| alone.aws)
    }

    /// Which profiles calls may name, where the setting leaves it to the surroundings too.
    pub fn profiles(&self) -> Profiles {
        let unset = || Profiles::from(self.web_identity_token_file.is_none());
        self.profiles.clone().unwrap_or_else(unset)
    }
}

impl AwsConfig {
    /// Every default, whatever the environment says: for commands that read other variables.
    ///
    /// # Errors
    /// There is none as long as every setting has a default.
    pub fn plain(ca_bundle: Option<PathBuf>) -> Result<Self, ConfigError> {
        use clap::{Args as _, FromArgMatches as _};
        let command = Self::augment_args(clap::Command::new("plain"));
        let command = command.mut_args(|argument| argument.env(clap::builder::Resettable::Reset));
        let matches = command.try_get_matches_from(["plain"]).map_err(ConfigError::Usage)?;
        let plain = Self::from_arg_matches(&matches).map_err(ConfigError::Usage)?;
        Ok(Self { ca_bundle, ..plain })
    }
}

#[cfg(test)]
impl AwsConfig {
    /// What these flags, and nothing else, make of it.
    pub(crate) fn for_tests(args: &[&str]) -> Self {
        #[derive(clap::Parser)]
        struct Probe {
            #[command(flatten)]
            aws: AwsConfig,
        }
        let args = std::iter::once("probe").chain(args.iter().copied()).map(Into::into);
        super::env::parse::<Probe>(args).unwrap().aws
    }
}

fn attempts(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| (1..=10).contains(n));
    number.ok_or_else(|| "expected a whole number from 1 to 10".to_owned())
}

/// `on`, `off`, or names of profiles.
fn profiles(text: &str) -> Result<Profiles, String> {
    if let Ok(on) = on_off(text) {
        return Ok(on.into());
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let fine = |name: &String| !name.is_empty() && !name.contains(|c: char| c.is_control() || "[]#;".contains(c));
    if names.iter().all(fine) {
        Ok(Profiles::Only(names))
    } else {
        Err("expected `on`, `off` or names of profiles such as staging,production".to_owned())
    }
}

/// An IAM role name, with its path if it has one. Source: IAM's CreateRole, parameter RoleName.
fn role_name(text: &str) -> Result<String, String> {
    let segment = |s: &str| {
        !s.is_empty() && s.len() <= 64 && s.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    };
    if text.len() <= 512 && text.split('/').all(segment) && !text.contains("..") {
        Ok(text.to_owned())
    } else {
        Err("expected an IAM role name such as aws-ops-target (letters, digits and _+=,.@-)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Profiles, profiles, role_name};

    #[test]
    fn profiles_are_all_none_or_some() {
        assert_eq!(profiles("on"), Ok(Profiles::Any));
        assert_eq!(profiles("off"), Ok(Profiles::Off));
        let two = vec!["staging".to_owned(), "prod sso".to_owned()];
        assert_eq!(profiles("staging, prod sso"), Ok(Profiles::Only(two)));
        for wrong in [",", "a,,b", "a[b"] {
            assert!(profiles(wrong).unwrap_err().contains("`off`"), "{wrong}");
        }
    }

    #[test]
    fn role_names() {
        assert!(role_name("aws-ops-target").is_ok());
        assert!(role_name("platform/aws-ops-target").is_ok());
        for wrong in ["", "/x", "a b", "../x", "x*", "a\nb", "arn:aws:iam::1:role/x"] {
            assert!(role_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
