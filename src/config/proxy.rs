//! How `proxy ENDPOINT` is told what mcp-proxy-for-aws is told: the same flags, ranges, defaults and variables.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{ConfigError, Secret};

/// Settings of the proxy to a SigV4 MCP endpoint.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Endpoint")]
pub struct ProxyConfig {
    /// URL of the MCP server, such as `https://aws-mcp.us-east-1.api.aws/mcp`
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: Option<String>,

    /// Service that the signature names; without it the endpoint's host tells
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// Profiles of ~/.aws to sign with: the first is the default, the others can be named in a call's `aws_profile`; without it
    /// AWS_PROFILE
    #[arg(long = "profile", value_name = "PROFILE", num_args = 1.., overrides_with = "profiles")]
    pub profiles: Vec<String>,

    /// The same, space-separated; wins over --profile
    #[arg(long, env = "AWS_MCP_PROXY_PROFILES", value_name = "PROFILE …")]
    pub allowed_profiles: Option<String>,

    /// Region that the signature names; without it the endpoint's host tells, else AWS_REGION
    #[arg(long = "region", id = "signing_region", value_name = "REGION")]
    pub region: Option<String>,

    /// Keys that every request carries in `_meta`, unless it sets them itself; AWS_REGION is set without being asked
    #[arg(long, value_name = "KEY=VALUE", num_args = 0.., value_parser = key_value)]
    pub metadata: Vec<(String, String)>,

    /// HTTP header of every request, signed; can be repeated. Its value never reaches the log
    #[arg(long = "header", value_name = "KEY=VALUE")]
    pub headers: Vec<Secret>,

    /// Offer only tools that declare themselves read-only
    #[arg(long)]
    pub read_only: bool,

    /// How often a request that failed in passing is sent again, after 1 s, 2 s, 4 s …
    #[arg(long, value_name = "0-10", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub retries: u32,

    /// Accepted for mcp-proxy-for-aws's sake: seconds to wait for a free connection, which nothing has to wait for here
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = seconds, allow_negative_numbers = true)]
    pub timeout: Seconds,

    /// Seconds that connecting may take
    #[arg(long, id = "proxy_connect_timeout", value_name = "SECONDS", default_value = "60", value_parser = seconds, allow_negative_numbers = true)]
    pub connect_timeout: Seconds,

    /// Seconds without a byte of the answer
    #[arg(long, id = "proxy_read_timeout", value_name = "SECONDS", default_value = "120", value_parser = seconds, allow_negative_numbers = true)]
    pub read_timeout: Seconds,

    /// Accepted for mcp-proxy-for-aws's sake; sending counts as waiting for the answer
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = seconds, allow_negative_numbers = true)]
    pub write_timeout: Seconds,

    /// Seconds that a tool call may take, all attempts together
    #[arg(long, id = "proxy_tool_timeout", value_name = "SECONDS", default_value = "300", value_parser = seconds, allow_negative_numbers = true)]
    pub tool_timeout: Seconds,

    /// Leave the client's name and version out of the User-Agent
    #[arg(long)]
    pub disable_telemetry: bool,

    /// Send requests unsigned where there are no credentials at all, instead of failing
    #[arg(long)]
    pub skip_auth: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it; clap would show the text as a heading")]
    pub environment: ProxyEnvironment,
}

/// What AWS's own variables say.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ProxyEnvironment {
    /// The profile where no flag names one
    #[arg(long = "env-profile", env = "AWS_PROFILE", hide = true)]
    pub profile: Option<String>,

    /// The region that the AWS CLI puts first
    #[arg(long = "env-default-region", env = "AWS_DEFAULT_REGION", hide = true)]
    pub default_region: Option<String>,

    /// The region where nothing else names one
    #[arg(long = "env-region", env = "AWS_REGION", hide = true)]
    pub region: Option<String>,

    /// Certificate authorities to trust beside the system's
    #[arg(long = "env-ca-bundle", env = "AWS_CA_BUNDLE", hide = true)]
    pub ca_bundle: Option<PathBuf>,

    /// Where the profiles are
    #[arg(long = "env-config-file", env = "AWS_CONFIG_FILE", hide = true)]
    pub config_file: Option<PathBuf>,

    /// Where their keys are
    #[arg(long = "env-credentials-file", env = "AWS_SHARED_CREDENTIALS_FILE", hide = true)]
    pub credentials_file: Option<PathBuf>,

    /// Whose folder ~/.aws is in
    #[arg(long = "env-home", env = "HOME", hide = true)]
    pub home: Option<PathBuf>,
}

/// A length of time; `None` is without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Option<Duration>);

impl ProxyConfig {
    /// Takes the endpoint back where `--profile` swallowed it, as its last value.
    ///
    /// # Errors
    /// There is none.
    pub fn take_endpoint(&mut self) -> Result<String, ConfigError> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let swallowed = self.profiles.pop_if(|last| last.contains("://"));
        swallowed.ok_or_else(|| ConfigError::Invalid("the following arguments are required: endpoint".to_owned()))
    }

    /// Whether a value of `--profile` is the endpoint.
    pub fn swallowed_endpoint(&self) -> bool {
        self.endpoint.is_none() && self.profiles.last().is_some_and(|last| last.contains("://"))
    }

    /// The profiles, each once, the default first. None means the default credentials.
    pub fn all_profiles(&self) -> Vec<String> {
        let named: Vec<String> = match &self.allowed_profiles {
            Some(listed) => listed.split_whitespace().map(str::to_owned).collect(),
            None if self.profiles.is_empty() => self.environment.profile.iter().cloned().collect(),
            None => self.profiles.clone(),
        };
        let mut all: Vec<String> = Vec::with_capacity(named.len());
        for profile in named {
            if !all.contains(&profile) {
                all.push(profile);
            }
        }
        all
    }

    /// The headers that were asked for.
    ///
    /// # Errors
    /// One that signing sets, or that HTTP can't carry. The value, which may be a token, is not quoted.
    pub fn headers(&self) -> Result<HeaderMap, ConfigError> {
        let pairs = self.headers.iter().map(|text| header(text.expose()));
        pairs.collect::<Result<_, _>>().map_err(ConfigError::Invalid)
    }

    /// The metadata that was asked for; the last of a key counts.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.iter().cloned().collect()
    }
}

impl ProxyEnvironment {
    /// The files that profiles and keys are in.
    pub fn files(&self) -> Vec<PathBuf> {
        let under_home = |name: &str| self.home.as_ref().map(|home| home.join(".aws").join(name));
        let config = self.config_file.clone().or_else(|| under_home("config"));
        let credentials = self.credentials_file.clone().or_else(|| under_home("credentials"));
        config.into_iter().chain(credentials).collect()
    }
}

/// `KEY=VALUE`, as a metadata's key and value.
fn key_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let pair = pair.ok_or_else(|| format!("must be in key=value format, got: {text}"))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

/// The headers that signing sets itself. Source: mcp-proxy-for-aws, RESERVED_HEADERS.
const RESERVED: [&str; 4] = ["authorization", "date", "x-amz-date", "x-amz-security-token"];

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let pair = text.split_once('=');
    let (name, value) = pair.ok_or_else(|| "--header must be in key=value format".to_owned())?;
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "--header {name} is not allowed: it is set by SigV4 signing. Reserved headers: {}",
            RESERVED.join(", ")
        ));
    }
    let wrong = |what: &str| format!("--header {}: HTTP can't carry this {what}", name.escape_default());
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong("value"))?;
    value.set_sensitive(true);
    Ok((name.parse().map_err(|_| wrong("name"))?, value))
}

fn seconds(text: &str) -> Result<Seconds, String> {
    let number: f64 = text
        .trim()
        .parse()
        .map_err(|_| format!("'{text}' is not a valid number of seconds"))?;
    if number.is_nan() {
        return Err(format!("'{text}' is not a valid number of seconds"));
    }
    if number < 0.0 {
        return Err(format!("'{text}' must be >= 0"));
    }
    // What a duration can't hold is as good as for ever.
    Ok(Seconds(Duration::try_from_secs_f64(number).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    #[command(infer_long_args = true)]
    struct Probe {
        #[command(flatten)]
        proxy: ProxyConfig,
    }

    fn parse(args: &[&str]) -> Result<ProxyConfig, clap::Error> {
        use clap::{CommandFactory as _, FromArgMatches as _};
        // What the machine's environment says is none of these tests' business.
        let command = Probe::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
        let matches = command.try_get_matches_from(std::iter::once(&"probe").chain(args))?;
        Ok(Probe::from_arg_matches(&matches)?.proxy)
    }

    #[test]
    fn defaults_are_those_of_the_package() {
        let config = parse(&["https://x.example/mcp"]).unwrap();
        let seconds = |s: Seconds| s.0.unwrap().as_secs();
        assert_eq!(seconds(config.timeout), 180);
        assert_eq!(seconds(config.connect_timeout), 60);
        assert_eq!(seconds(config.read_timeout), 120);
        assert_eq!(seconds(config.write_timeout), 180);
        assert_eq!(seconds(config.tool_timeout), 300);
        assert_eq!(config.retries, 0);
        assert!(!config.read_only && !config.skip_auth && !config.disable_telemetry);
        assert!(config.all_profiles().is_empty() && config.metadata().is_empty());
    }

    #[test]
    fn a_swallowed_endpoint_is_given_back() {
        let mut config = parse(&["--profile", "a", "b", "https://x.example/mcp"]).unwrap();
        assert!(config.swallowed_endpoint());
        assert_eq!(config.take_endpoint().unwrap(), "https://x.example/mcp");
        assert_eq!(config.all_profiles(), ["a", "b"]);
        let mut config = parse(&["--profile", "a", "b"]).unwrap();
        let said = config.take_endpoint().unwrap_err().to_string();
        assert_eq!(said, "the following arguments are required: endpoint");
        let mut config = parse(&["https://x.example/mcp", "--profile", "a", "b", "a"]).unwrap();
        assert_eq!(config.take_endpoint().unwrap(), "https://x.example/mcp");
        assert_eq!(config.all_profiles(), ["a", "b"], "each once");
    }

    #[test]
    fn profiles_come_from_the_variable_then_the_flag_then_aws_profile() {
        let mut config = parse(&["https://x.example", "--profile", "a", "--profile", "c", "d"]).unwrap();
        config.environment.profile = Some("env".to_owned());
        assert_eq!(config.all_profiles(), ["c", "d"], "the last flag counts");
        config.allowed_profiles = Some("  x y  x ".to_owned());
        assert_eq!(config.all_profiles(), ["x", "y"]);
        config.allowed_profiles = None;
        config.profiles.clear();
        assert_eq!(config.all_profiles(), ["env"]);
    }

    #[test]
    fn metadata_and_headers_are_keys_with_values() {
        let args = [
            "https://x.example",
            "--metadata",
            "A=1",
            "B=2=3",
            "--metadata",
            "A=4",
            "--header",
            "x-token=abc",
        ];
        let config = parse(&args).unwrap();
        let metadata = config.metadata();
        assert_eq!((metadata["A"].as_str(), metadata["B"].as_str()), ("4", "2=3"));
        assert_eq!(config.headers().unwrap()["x-token"], "abc");
        assert!(!format!("{config:?}").contains("abc"), "a header's value is not shown");
        assert!(parse(&["https://x.example", "--metadata"]).unwrap().metadata.is_empty());
        let said = |args: &[&str]| parse(args).unwrap_err().to_string();
        assert!(said(&["https://x.example", "--metadata", "A"]).contains("must be in key=value format, got: A"));
        let refused = |header: &str| {
            let config = parse(&["https://x.example", "--header", header]).unwrap();
            config.headers().unwrap_err().to_string()
        };
        assert_eq!(
            refused("Authorization=secret"),
            "--header Authorization is not allowed: it is set by SigV4 signing. \
             Reserved headers: authorization, date, x-amz-date, x-amz-security-token"
        );
        assert_eq!(refused("secret"), "--header must be in key=value format");
        assert_eq!(refused("x-a=secret\n"), "--header x-a: HTTP can't carry this value");
    }

    #[test]
    fn numbers_are_checked_and_prefixes_do() {
        let said = |args: &[&str]| parse(args).unwrap_err().to_string();
        assert!(said(&["u", "--retries", "11"]).contains("0..=10"));
        assert!(said(&["u", "--timeout", "-1"]).contains("'-1' must be >= 0"));
        assert!(said(&["u", "--timeout", "soon"]).contains("'soon' is not a valid number"));
        assert!(said(&["u", "--read-timeout", "nan"]).contains("'nan' is not a valid number"));
        let config = parse(&[
            "u",
            "--tool-time",
            "0.5",
            "--prof",
            "a",
            "--read-t",
            "inf",
            "--retries",
            "10",
        ])
        .unwrap();
        assert_eq!(config.tool_timeout.0, Some(Duration::from_millis(500)));
        assert_eq!(config.read_timeout.0, None);
        assert_eq!((config.profiles, config.retries), (vec!["a".to_owned()], 10));
    }

    #[test]
    fn the_files_of_profiles_are_found() {
        let home = ProxyEnvironment {
            home: Some("/h".into()),
            ..ProxyEnvironment::default()
        };
        assert_eq!(
            home.files(),
            [PathBuf::from("/h/.aws/config"), "/h/.aws/credentials".into()]
        );
        let named = ProxyEnvironment {
            config_file: Some("/c".into()),
            credentials_file: Some("/k".into()),
            ..home
        };
        assert_eq!(named.files(), [PathBuf::from("/c"), "/k".into()]);
    }
}
