//! Flags, the environment and `.env`: what wins, what counts as unset, and what is said of a wrong value.

use serde_json::Value;

use crate::support::process::{Ended, program};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What `serve` says with one variable set, which must be one line.
fn refused(name: &str, value: &str) -> String {
    let mut served = program(&["serve"]).env("MCP_AUTH_TOKEN", TOKEN);
    if name != "MCP_PORT" {
        served = served.env("MCP_PORT", "0");
    }
    let ended = served.env(name, value).run();
    assert_eq!(ended.code, Some(2), "{name}={value}: {}{}", ended.out, ended.err);
    assert_eq!(ended.out, "", "{name}={value}");
    assert_eq!(ended.err.lines().count(), 1, "{name}={value}: {}", ended.err);
    ended.err
}

#[test]
fn a_wrong_value_stops_the_start_with_its_name_itself_and_what_is_right() {
    let size = "expected a size such as 4MiB, 512KiB or 1000, or `off`";
    let time = "expected a time such as 30s, 500ms, 5m or 1h, or `off`";
    let count = "expected a whole number of at least 1, or `off`";
    let role = "expected a role ARN such as arn:aws:iam::123456789012:role/aws-ops-target";
    let url = "such as http://127.0.0.1:4566";
    for (name, value, right) in [
        (
            "MCP_HOST",
            "nowhere",
            "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1",
        ),
        ("MCP_HOST", "127.0.0.1:8000", "expected an IP address"),
        ("MCP_PORT", "abc", "expected a port number, 0 to 65535"),
        ("MCP_PORT", "70000", "expected a port number, 0 to 65535"),
        ("MCP_PORT", "-1", "expected a port number, 0 to 65535"),
        ("MCP_STATELESS", "perhaps", "true, false"),
        ("PUBLIC_URL", "aws-ops", "such as https://aws-ops.example.com"),
        ("ALLOWED_HOSTS", "https://aws-ops", "no scheme, path or wildcard"),
        ("ALLOWED_HOSTS", "*", "no scheme, path or wildcard"),
        ("ALLOWED_ORIGINS", "aws-ops", "such as https://app.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "CIDR such as 10.0.0.0/8"),
        ("MAX_BODY_BYTES", "lots", size),
        ("MAX_RESULT_BYTES", "0", size),
        ("MAX_JSON_DEPTH", "deep", count),
        ("MAX_SESSIONS", "0", count),
        ("MAX_SESSIONS_PER_CALLER", "-1", count),
        ("MAX_AUTH_FAILURES", "many", count),
        ("CREDENTIAL_CACHE_SIZE", "0", count),
        ("HEADER_READ_TIMEOUT", "10", time),
        ("BODY_READ_TIMEOUT", "soon", time),
        ("SESSION_IDLE_TIMEOUT", "0s", time),
        ("SSE_PING", "1 fortnight", time),
        ("SHUTDOWN_DRAIN", "x", time),
        ("SHUTDOWN_GRACE", "-5s", time),
        ("TOOL_TIMEOUT", "soon", time),
        ("TOOL_TIMEOUT", "600s", "less than SESSION_IDLE_TIMEOUT"),
        ("TOOL_TIMEOUT", "off", "less than SESSION_IDLE_TIMEOUT"),
        ("AWS_CONNECT_TIMEOUT", "x", time),
        ("AWS_ATTEMPT_TIMEOUT", "x", time),
        ("AWS_OPERATION_TIMEOUT", "x", time),
        ("AWS_MAX_ATTEMPTS", "0", "expected a whole number from 1 to 10"),
        ("AWS_MAX_ATTEMPTS", "three", "expected a whole number from 1 to 10"),
        ("AWS_REGION", "us-esat-1", "did you mean `us-east-1`?"),
        ("AWS_REGION", "mars", "expected one such as us-east-1"),
        (
            "TARGET_ROLE_NAME",
            "a/../b",
            "expected an IAM role name such as aws-ops-target",
        ),
        ("ALLOWED_ROLE_ARNS", "arn:aws:iam::*:role/x", role),
        ("ALLOWED_ROLE_ARNS", "everything", role),
        ("PROFILES", "a[b", "expected `on`, `off` or names of profiles"),
        ("BASE_CREDENTIALS", "maybe", "expected `on` or `off`"),
        ("SOURCE_IDENTITY", "maybe", "expected `on` or `off`"),
        ("SESSION_TAGS", "maybe", "expected `on` or `off`"),
        ("BASE_CREDENTIALS", "1", "expected `on` or `off`"),
        ("SOURCE_IDENTITY", "On", "expected `on` or `off`"),
        ("SESSION_TAGS", "yes", "expected `on` or `off`"),
        ("ASSUME_ROLE_RATE", "0", count),
        ("ASSUME_ROLE_RATE", "50/s", count),
        ("FAN_OUT_PARALLELISM", "0", count),
        ("FAN_OUT_PARALLELISM", "all", count),
        ("FAN_OUT_PARALLELISM", "-1", count),
        ("TARGET_TIMEOUT", "40", time),
        ("TARGET_TIMEOUT", "0s", time),
        ("REGISTRY_REFRESH", "often", time),
        ("REGISTRY_REFRESH", "0", time),
        ("ORGANIZATIONS_REFRESH", "daily", time),
        ("ORGANIZATIONS_REFRESH", "-15m", time),
        ("TOOLSETS", "secrts", "no such toolset; did you mean `secrets`?"),
        ("TOOLSETS", "lambda", "there are "),
        ("TOOLS", "list_secret", "no such tool; did you mean `list_secrets`?"),
        ("TOOLS", "secrets", "no such tool"),
        (
            "EXCLUDE_TOOLS",
            "delete_objet",
            "no such tool; did you mean `delete_object`?",
        ),
        ("READ_ONLY", "maybe", "expected `true` or `false`"),
        ("READ_ONLY", "1", "expected `true` or `false`"),
        ("AWS_ENDPOINT_URL", "localhost:4566", url),
        ("AWS_CA_BUNDLE", "no-such.pem", "can't read the file"),
        ("ACCOUNT_REGISTRY", "no-such.json", "can't read the file"),
        ("ACCOUNT_PRODUCTION_ROLE_ARN", "production", role),
        (
            "ACCOUNT_PRODUCTION_PROFILE",
            "a[b",
            "the name of a profile in ~/.aws/config",
        ),
        (
            "LOG_LEVEL",
            "lots",
            "expected off, error, warn, info, debug, trace or directives",
        ),
        ("LOG_FORMAT", "xml", "auto, pretty, json"),
    ] {
        let said = refused(name, value);
        assert!(said.starts_with(&format!("aws-ops-mcp: {name}")), "{said}");
        assert!(said.contains(&format!("`{value}`")) || said.contains("600s"), "{said}");
        assert!(said.contains(right), "{name}={value}: {said}");
    }
}

#[test]
fn filters_that_leave_no_tool_stop_the_start() {
    let said = program(&["serve", "--port", "0", "--tools", "put_object", "--read-only"])
        .env("MCP_AUTH_TOKEN", TOKEN)
        .run();
    assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{}", said.err);
    assert!(said.err.contains("READ_ONLY leave no tool"), "{}", said.err);
}

#[test]
fn a_broken_registry_names_the_place_and_the_account() {
    for (registry, expected) in [
        (r#"[{"name": "#, "line 1 column"),
        ("{}", "or an object with `accounts`"),
        (
            r#"[{"name": "a", "id": "12"}]"#,
            "account 1 (`a`): an account id has exactly 12 digits",
        ),
        (
            r#"[{"name": "a", "id": "222222222222"}, {"name": "a", "id": "333333333333"}]"#,
            "`a` names another account",
        ),
        (
            r#"[{"name": "a", "id": "222222222222", "regions": ["mars"]}]"#,
            "region `mars`",
        ),
        (
            r#"[{"name": "a", "colour": "red"}]"#,
            "account 1 (`a`): unknown field `colour`",
        ),
        (
            r#"[{"name": "a", "id": "222222222222", "role_arn": "arn:aws:iam::333333333333:role/x"}]"#,
            "333333333333",
        ),
        (r#"[{"id": "222222222222"}]"#, "missing field `name`"),
        (r#"[{"name": "a"}]"#, "account `a`"),
    ] {
        let inline = refused("ACCOUNT_REGISTRY", registry);
        assert!(inline.contains(expected), "{inline}");
        let served = program(&["serve", "--port", "0"]).file("accounts.json", registry);
        let ended = served
            .env("MCP_AUTH_TOKEN", TOKEN)
            .env("ACCOUNT_REGISTRY", "accounts.json")
            .run();
        assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
}

#[test]
fn a_bad_token_is_named_and_never_shown() {
    for (name, value, expected) in [
        (
            "MCP_AUTH_TOKEN",
            "hunter2-hunter2",
            "the token of MCP_AUTH_TOKEN is shorter than 128 bits",
        ),
        (
            "MCP_AUTH_TOKEN",
            "hunter2 hunter2 hunter2 hunter2 hunter2",
            "characters that a bearer token can't have",
        ),
        (
            "MCP_AUTH_TOKEN",
            "huhuhuhuhuhuhuhuhuhuhuhuhuhuhuhunter",
            "repeats too few characters",
        ),
        ("MCP_AUTH_TOKENS", "hunter2", "entry 1 of MCP_AUTH_TOKENS has no `=`"),
        (
            "MCP_AUTH_TOKENS",
            "alice=hunter2",
            "the token of `alice` in MCP_AUTH_TOKENS",
        ),
        (
            "MCP_AUTH_TOKENS",
            "a lice=hunter2",
            "entry 1 of MCP_AUTH_TOKENS has a name",
        ),
    ] {
        let ended = program(&["serve", "--port", "0"]).env(name, value).run();
        assert_eq!(
            (ended.code, ended.err.lines().count()),
            (Some(2), 1),
            "{value}: {}",
            ended.err
        );
        assert!(
            ended.err.contains(expected) && !ended.err.contains("hunter"),
            "{}",
            ended.err
        );
        assert!(
            ended.err.contains("openssl rand") || ended.err.contains("name=token"),
            "{}",
            ended.err
        );
    }
    let ended = program(&["serve", "--port", "0"]).run();
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1));
    assert!(ended.err.contains("MCP_AUTH_TOKEN"), "{}", ended.err);
}

#[test]
fn a_value_cannot_break_the_line_that_quotes_it() {
    for name in [
        "MCP_HOST",
        "AWS_REGION",
        "ALLOWED_HOSTS",
        "AWS_ENDPOINT_URL",
        "ACCOUNT_REGISTRY",
        "ACCOUNT_X_ROLE_ARN",
    ] {
        let said = refused(name, "x\r\naws-ops-mcp: all is well\u{1b}[31m\u{202e}");
        let line = said.trim_end_matches('\n');
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.contains("\\n") && line.contains("\\u{1b}"), "{line}");
    }
}

fn accounts(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str::<Value>(&ended.out)
        .unwrap()
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_env_file() {
    let registry = |name: &str| format!(r#"[{{"name": "{name}", "id": "222222222222"}}]"#);
    let env_file = format!(
        "ACCOUNT_REGISTRY='{}'\nACCOUNT_LAKE_PROFILE=lake\n",
        registry("from-file")
    );
    let run = |args: &[&str], variable: Option<&str>| {
        let mut run = program(&[&["accounts", "--json"], args].concat()).file(".env", &env_file);
        if let Some(value) = variable {
            run = run.env("ACCOUNT_REGISTRY", value);
        }
        let accounts = accounts(&run.run());
        assert_eq!(accounts[1]["profile"], "lake");
        accounts[0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(run(&[], None), "from-file");
    assert_eq!(run(&[], Some(&registry("from-environment"))), "from-environment");
    let flag = registry("from-flag");
    assert_eq!(
        run(&["--account-registry", &flag], Some(&registry("from-environment"))),
        "from-flag"
    );
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let mut run = program(&["accounts", "--json"]);
    for name in [
        "AWS_REGION",
        "ACCOUNT_REGISTRY",
        "TARGET_ROLE_NAME",
        "ALLOWED_ROLE_ARNS",
        "PROFILES",
        "AWS_ENDPOINT_URL",
    ] {
        run = run.env(name, "");
    }
    for name in [
        "TOOL_TIMEOUT",
        "AWS_MAX_ATTEMPTS",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "ACCOUNT_X_ROLE_ARN",
        "ACCOUNT_X_PROFILE",
    ] {
        run = run.env(name, "");
    }
    assert!(accounts(&run.run()).is_empty());
}

#[test]
fn a_broken_env_file_is_named_and_not_quoted() {
    let ended = program(&["accounts"])
        .file(".env", "MCP_AUTH_TOKEN = hunter2 hunter3 'x\n")
        .run();
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
    assert!(
        ended.err.contains(".env") && ended.err.contains("NAME=value"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("hunter"), "{}", ended.err);
}

#[test]
fn help_shows_the_variables_and_no_secret() {
    let ended = program(&["serve", "--help"]).env("MCP_AUTH_TOKEN", TOKEN).run();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.out.contains("MCP_PORT") && ended.out.contains("MCP_AUTH_TOKEN"),
        "{}",
        ended.out
    );
    assert!(!ended.out.contains(TOKEN));
    assert_eq!(program(&["sevre"]).run().code, Some(2));
}
