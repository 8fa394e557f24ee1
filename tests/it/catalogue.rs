//! The tools as clients see them, kept as snapshots: a change of a schema or a word shows in review.

use std::collections::BTreeSet;

use aws_ops_mcp::{cli::markdown, server::Catalogue};

use crate::support::sources::root;

#[test]
fn each_tool_is_as_its_snapshot_shows() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for tool in Catalogue::new(true).unwrap().tools() {
            insta::assert_json_snapshot!(tool.name.to_string(), tool);
        }
    });
}

#[test]
fn there_is_no_snapshot_without_its_tool() {
    let files = std::fs::read_dir(root().join("tests/it/snapshots")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let kept: BTreeSet<String> = names
        .filter_map(|name| Some(name.strip_suffix(".snap")?.to_owned()))
        .collect();
    let tools: BTreeSet<String> = Catalogue::new(true)
        .unwrap()
        .tools()
        .iter()
        .map(|t| t.name.to_string())
        .chain(not_built().into_iter().map(|(name, _)| name))
        .collect();
    assert_eq!(kept, tools);
}

/// The tools of the README's table that this build leaves out, with their lines. It is checked whole in a build that has them.
fn not_built() -> Vec<(String, String)> {
    let ours = |line: &&str| cfg!(not(feature = "ec2")) && line.contains("| ec2 (cargo feature) |");
    let name = |line: &str| line.split('`').nth(1).unwrap().to_owned();
    let table = table();
    let lines = table.lines().filter(ours);
    lines.map(|line| (name(line), line.to_owned())).collect()
}

/// The README's table, as it is.
fn table() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    readme
        .split_once("<!-- tools:begin -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- tools:end -->"))
        .map(|(table, _)| table.trim().to_owned())
        .unwrap_or_else(|| panic!("README.md has no lines <!-- tools:begin --> and <!-- tools:end -->"))
}

#[test]
fn the_readmes_table_is_the_catalogue() {
    let missing = not_built();
    let table = table();
    let table: Vec<&str> = table
        .lines()
        .filter(|line| !missing.iter().any(|(_, m)| m == line))
        .collect();
    let current = markdown(&Catalogue::new(true).unwrap());
    assert!(
        table.join("\n") == current.trim(),
        "README.md's table of tools is not the catalogue's: put what `cargo run --features ec2 -- tools --markdown` prints between its markers"
    );
}

#[test]
fn every_tool_is_named_in_the_tests_of_the_tools() {
    let sources = crate::support::sources::rust_files("tests/it/tools");
    for tool in Catalogue::new(true).unwrap().tools() {
        let named = format!("\"{}\"", tool.name);
        assert!(sources.iter().any(|s| s.text.contains(&named)), "no test calls {named}");
    }
}
