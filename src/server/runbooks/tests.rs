//! Runbooks against every choice of tools.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::{config::ToolsConfig, server::CatalogueOptions};

fn catalogue(toolsets: &[&str], read_only: bool) -> Catalogue {
    let tools = ToolsConfig {
        toolsets: toolsets.iter().map(|s| (*s).to_owned()).collect(),
        read_only,
        ..ToolsConfig::default()
    };
    Catalogue::new(CatalogueOptions {
        profiles: true.into(),
        tools,
    })
    .unwrap()
}

/// Each runbook that is listed, filled with something.
fn texts(catalogue: &Catalogue) -> Vec<(&'static str, String)> {
    let listed: BTreeSet<String> = list(catalogue).into_iter().map(|p| p.name).collect();
    let listed = RUNBOOKS.iter().filter(|r| listed.contains(r.name));
    let text = |runbook: &'static Runbook| {
        let arguments = runbook
            .arguments
            .iter()
            .map(|a| (a.name.to_owned(), json!("x-1")))
            .collect();
        let got = serde_json::to_value(get(catalogue, runbook.name, &arguments).unwrap()).unwrap();
        (
            runbook.name,
            got["messages"][0]["content"]["text"].as_str().unwrap().to_owned(),
        )
    };
    listed.map(text).collect()
}

/// The tools that a text names, enabled or not.
fn named(text: &str) -> BTreeSet<String> {
    let all = Catalogue::new(true).unwrap();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| all.get(word).is_some())
        .map(str::to_owned)
        .collect()
}

#[test]
fn with_all_tools_all_runbooks_are_there_and_whole() {
    let all = catalogue(&["all"], false);
    let texts = texts(&all);
    assert_eq!(texts.len(), RUNBOOKS.len());
    for (runbook, (name, text)) in RUNBOOKS.iter().zip(&texts) {
        let declared: BTreeSet<String> = runbook
            .steps
            .iter()
            .flat_map(|s| s.tools)
            .map(|t| (*t).to_owned())
            .collect();
        assert_eq!(
            named(text),
            declared,
            "{name}: the tools it names are those its steps declare"
        );
        assert!(
            runbook.needs.iter().all(|n| declared.contains(*n)),
            "{name}: needs what it doesn't use"
        );
        assert!(text.contains("x-1") && !text.contains('{'), "{name}: {text}");
    }
}

#[test]
fn whatever_is_switched_off_no_runbook_names_it() {
    let sets: Vec<&str> = crate::services::toolsets().into_iter().map(|(name, _)| name).collect();
    for left_out in &sets {
        for read_only in [false, true] {
            let some: Vec<&str> = sets.iter().copied().filter(|s| s != left_out).collect();
            let catalogue = catalogue(&some, read_only);
            for (name, text) in texts(&catalogue) {
                let hidden: Vec<String> = named(&text)
                    .into_iter()
                    .filter(|t| catalogue.get(t).is_none())
                    .collect();
                assert!(
                    hidden.is_empty(),
                    "without {left_out} (read only: {read_only}) {name} names {hidden:?}"
                );
            }
        }
    }
    let quiet = catalogue(&["sts"], false);
    assert!(list(&quiet).is_empty());
    let why = get(&quiet, "find_public_buckets", &JsonObject::new()).unwrap_err();
    assert!(why.contains("`get_bucket_posture`"), "{why}");
}

#[test]
fn wrong_arguments_are_told() {
    let all = catalogue(&["all"], false);
    let ask = |name: &str, arguments: Value| get(&all, name, arguments.as_object().unwrap()).unwrap_err();
    assert!(ask("rotate", json!({})).contains("no such prompt"));
    assert!(ask("rotate_secret", json!({ "account": "a" })).contains("`secret_id` is missing"));
    assert!(ask("who_changed_what", json!({ "sicne": "1h" })).contains("no argument `sicne`; it has account, since"));
    for bad in [json!(7), json!(""), json!("a\nb"), json!("x".repeat(600))] {
        let said = ask("who_changed_what", json!({ "since": bad }));
        assert!(said.contains("`since` must be"), "{said}");
    }
}
