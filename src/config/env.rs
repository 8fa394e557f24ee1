//! The environment: `.env`, the variables whose names hold an account's name, and what is said of a wrong value.

use std::{collections::BTreeMap, ffi::OsString, io::ErrorKind, path::Path};

use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue},
};

/// Why the settings could not be read. One line, which names the variable, the value and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable or flag holds what it can't hold.
    #[error("{name}: wrong value `{value}`: {right}")]
    Wrong {
        /// The variable, such as `MCP_PORT`.
        name: String,
        /// What it holds; left out of the message by `Secret` values' callers.
        value: String,
        /// What would be right.
        right: String,
    },
    /// A variable that must be there is missing, or two exclude each other.
    #[error("{0}")]
    Invalid(String),
    /// clap's own text: help, version, an unknown flag.
    #[error("{0}")]
    Usage(clap::Error),
}

impl ConfigError {
    /// A wrong value of a variable.
    pub fn wrong(name: impl Into<String>, value: impl Into<String>, right: impl Into<String>) -> Self {
        Self::Wrong {
            name: name.into(),
            value: value.into(),
            right: right.into(),
        }
    }
}

/// Loads `.env` of the working directory, if there is one. Variables that are set already win.
///
/// # Errors
/// An unreadable or malformed file.
pub fn load_dotenv(path: &Path) -> Result<(), ConfigError> {
    match dotenvy::from_path(path) {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(e)) if e.kind() == ErrorKind::NotFound => Ok(()),
        // The parser's own message quotes the line, which may hold a secret.
        Err(dotenvy::Error::LineParse(_, at)) => Err(ConfigError::Invalid(format!(
            "{}: can't read a line near its character {at}: expected NAME=value",
            path.display()
        ))),
        Err(e) => Err(ConfigError::Invalid(format!("{}: {e}", path.display()))),
    }
}

/// Parses the command line; variables fill what flags leave open, and an empty variable counts as not set.
///
/// # Errors
/// The first wrong value, in one line.
pub fn parse<T: CommandFactory + FromArgMatches>(args: impl IntoIterator<Item = OsString>) -> Result<T, ConfigError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = unset_empty(T::command());
    let help = T::command();
    let told = |error| one_line(error, &help, meant(&help, &args));
    let mut matches = command.try_get_matches_from(&args).map_err(told)?;
    T::from_arg_matches_mut(&mut matches).map_err(told)
}

/// The subcommand that the arguments name: another may have a flag of the same name, set by another variable.
fn meant<'a>(command: &'a clap::Command, args: &[OsString]) -> &'a clap::Command {
    args.iter().skip(1).fold(command, |command, arg| {
        let named = arg.to_str().and_then(|name| command.find_subcommand(name));
        named.unwrap_or(command)
    })
}

/// `NAME=` in an env file means "not set", not "set to nothing".
fn unset_empty(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let empty = arg
                .get_env()
                .is_some_and(|name| variable(name).is_some_and(|v| v.is_empty()));
            if empty {
                arg.env(clap::builder::Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(unset_empty)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &std::ffi::OsStr) -> Option<OsString> {
    std::env::var_os(name)
}

/// Turns clap's paragraph about a wrong value into one line with the variable's name.
fn one_line(error: clap::Error, all: &clap::Command, meant: &clap::Command) -> ConfigError {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(s)) => Some(s.clone()),
        _ => None,
    };
    let (Some(argument), Some(value)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else {
        return ConfigError::Usage(error);
    };
    let flag = argument
        .split([' ', '=', '['])
        .next()
        .unwrap_or_default()
        .trim_start_matches("--")
        .to_owned();
    // A flag of every command is declared above them all.
    let mut declared = arguments(meant).chain(arguments(all));
    let found = declared.find(|a| a.get_long() == Some(&flag));
    let Some(found) = found else {
        return ConfigError::Usage(error);
    };
    let name = found.get_env().map_or_else(
        || format!("--{flag}"),
        |e| format!("{} (--{flag})", e.to_string_lossy()),
    );
    if value.is_empty() {
        return ConfigError::Invalid(format!("{name}: a value is missing"));
    }
    let right = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_else(|| {
            let valid = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => valid.join(", "),
                _ => String::new(),
            };
            format!("expected one of: {valid}")
        });
    ConfigError::wrong(name, value, right)
}

/// Every argument of a command and its subcommands.
pub fn arguments(command: &clap::Command) -> Box<dyn Iterator<Item = &clap::Arg> + '_> {
    Box::new(
        command
            .get_arguments()
            .chain(command.get_subcommands().flat_map(arguments)),
    )
}

/// `ACCOUNT_<NAME>_ROLE_ARN` and `ACCOUNT_<NAME>_PROFILE`: what one account is reached by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountVariables(pub BTreeMap<String, AccountVariable>);

/// The variables of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountVariable {
    /// Value of `ACCOUNT_<NAME>_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// Value of `ACCOUNT_<NAME>_PROFILE`.
    pub profile: Option<String>,
}

impl AccountVariables {
    /// Those of the process's environment.
    pub fn from_environment() -> Self {
        let variables = std::env::vars_os();
        Self::from_pairs(variables.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))))
    }

    /// Those among `pairs`. The key is the account's name: `ACCOUNT_DATA_LAKE_PROFILE` names `data-lake`.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut accounts: BTreeMap<String, AccountVariable> = BTreeMap::new();
        for (key, value) in pairs {
            let Some(rest) = key.strip_prefix("ACCOUNT_").filter(|_| !value.is_empty()) else {
                continue;
            };
            let mut set = |name: &str, put: fn(&mut AccountVariable, String)| {
                let name = name.to_ascii_lowercase().replace('_', "-");
                put(accounts.entry(name).or_default(), value.clone());
            };
            if let Some(name) = rest.strip_suffix("_ROLE_ARN").filter(|n| !n.is_empty()) {
                set(name, |a, v| a.role_arn = Some(v));
            } else if let Some(name) = rest.strip_suffix("_PROFILE").filter(|n| !n.is_empty()) {
                set(name, |a, v| a.profile = Some(v));
            }
        }
        Self(accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_variables_carry_the_name() {
        let pairs = [
            ("ACCOUNT_PRODUCTION_ROLE_ARN", "arn:aws:iam::222222222222:role/x"),
            ("ACCOUNT_DATA_LAKE_PROFILE", "lake"),
            ("ACCOUNT_EMPTY_PROFILE", ""),
            ("ACCOUNT_REGISTRY", "/x.json"),
            ("ACCOUNT__PROFILE", "no name"),
            ("PATH", "/bin"),
        ];
        let read = AccountVariables::from_pairs(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(read.0.keys().collect::<Vec<_>>(), ["data-lake", "production"]);
        assert_eq!(
            read.0["production"].role_arn.as_deref(),
            Some("arn:aws:iam::222222222222:role/x")
        );
        assert_eq!(read.0["data-lake"].profile.as_deref(), Some("lake"));
    }

    #[test]
    fn a_missing_dotenv_is_fine_and_a_broken_one_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load_dotenv(&folder.path().join(".env")).is_ok());
        let broken = folder.path().join("broken.env");
        std::fs::write(&broken, "MCP_AUTH_TOKEN = hunter2 hunter3 'x\n").unwrap();
        let said = load_dotenv(&broken).unwrap_err().to_string();
        assert!(said.contains("NAME=value") && !said.contains("hunter"), "{said}");
    }

    #[derive(Debug, clap::Parser)]
    struct Probe {
        #[command(flatten)]
        http: crate::config::HttpConfig,
    }

    fn parse_probe(args: &[&str]) -> Result<Probe, ConfigError> {
        parse::<Probe>(std::iter::once("probe").chain(args.iter().copied()).map(OsString::from))
    }

    #[test]
    fn a_wrong_value_is_one_line_with_name_value_and_remedy() {
        let said = parse_probe(&["--max-body-bytes", "lots"]).unwrap_err().to_string();
        assert_eq!(
            said,
            "MAX_BODY_BYTES (--max-body-bytes): wrong value `lots`: expected a size such as 4MiB, 512KiB or 1000, or `off`"
        );
        let said = parse_probe(&["--port", "99999"]).unwrap_err().to_string();
        assert_eq!(
            said,
            "MCP_PORT (--port): wrong value `99999`: expected a port number, 0 to 65535"
        );
        assert_eq!(parse_probe(&[]).unwrap().http.port, 8000);
    }
}
