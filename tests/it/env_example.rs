//! `.env.example` against the declarations that the program reads.

use std::collections::BTreeMap;

use aws_ops_mcp::{cli, config::env::arguments};

use crate::support::{process::program, sources::root};

/// `#NAME=value` is a variable that is commented out; `# text` is a comment.
fn listed() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let mut commented = false;
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let line = line
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("`{line}` is not commented out"));
        if line.starts_with(' ') || line.is_empty() {
            commented = true;
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("`#{line}` is neither comment nor variable"));
        assert!(commented, "{name} has no comment");
        found.push((name.to_owned(), value.to_owned()));
    }
    found
}

/// What the command line declares, with its defaults. Hidden ones are others' to set.
fn declared() -> BTreeMap<String, String> {
    let command = cli::command();
    let variables = arguments(&command).filter(|argument| !argument.is_hide_set());
    let variables = variables.filter_map(|argument| {
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|v| v.to_string_lossy())
            .collect();
        let default = match argument.get_action() {
            clap::ArgAction::SetTrue => "false".to_owned(),
            _ => defaults.join(","),
        };
        Some((argument.get_env()?.to_string_lossy().into_owned(), default))
    });
    variables.collect()
}

#[test]
fn env_example_lists_every_variable_with_its_default_and_nothing_else() {
    let listed = listed();
    let (accounts, listed): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .partition(|(name, _)| name.starts_with("ACCOUNT_") && name != "ACCOUNT_REGISTRY");
    let suffixes: Vec<_> = accounts
        .iter()
        .map(|(name, _)| name.trim_start_matches("ACCOUNT_PRODUCTION"))
        .collect();
    assert_eq!(suffixes, ["_ROLE_ARN", "_PROFILE"], "one account as an example");
    let count = listed.len();
    let listed: BTreeMap<_, _> = listed.into_iter().collect();
    assert_eq!(listed.len(), count, "a variable is listed twice");
    let declared = declared();
    let missing: Vec<_> = declared.iter().filter(|d| listed.get(d.0) != Some(d.1)).collect();
    let unknown: Vec<_> = listed.keys().filter(|name| !declared.contains_key(*name)).collect();
    assert!(
        missing.is_empty(),
        ".env.example lacks, or shows another default than: {missing:?}"
    );
    assert!(unknown.is_empty(), "no such variables: {unknown:?}");
}

#[test]
fn env_example_works_as_it_is_and_with_every_line_switched_on() {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let on: String = text
        .lines()
        .filter(|l| !l.starts_with("# "))
        .map(|l| format!("{}\n", l.trim_start_matches('#')))
        .collect();
    for (text, accounts) in [(text, 0), (on, 1)] {
        let ended = program(&["accounts", "--json"]).file(".env", &text).run();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let listed: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), accounts, "{listed}");
    }
}
