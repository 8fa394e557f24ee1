//! What the sources must keep to: arrows point down, files stay small, and nothing is left half done.

use std::collections::BTreeSet;

use crate::support::sources::{Source, rust_files};

/// What each module may use, beside itself.
const MAY_USE: [(&str, &[&str]); 13] = [
    (
        "cli",
        &[
            "http", "server", "services", "ops", "aws", "upstream", "auth", "config", "metrics", "trace", "sandbox",
        ],
    ),
    ("http", &["state", "auth", "config", "metrics", "trace"]),
    (
        "server",
        &[
            "services", "ops", "aws", "upstream", "auth", "config", "metrics", "trace",
        ],
    ),
    ("services", &["ops"]),
    ("ops", &["aws", "upstream", "config"]),
    ("aws", &["auth", "config", "metrics", "trace"]),
    ("upstream", &["aws", "config", "trace"]),
    ("state", &["config"]),
    ("auth", &["config"]),
    ("config", &[]),
    ("metrics", &[]),
    ("trace", &["config"]),
    ("sandbox", &[]),
];

const MOST_LINES: usize = 400;

/// The module that a file is, such as `["aws", "ids"]`; `None` for the crate's root.
fn module(name: &str) -> Option<Vec<String>> {
    let path = name.strip_prefix("src/")?.strip_suffix(".rs")?;
    let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    (!["lib", "main"].contains(&parts[0].as_str())).then_some(parts)
}

/// Whether the whole file is compiled for tests only.
fn is_test(name: &str) -> bool {
    name.split(['/', '.']).any(|part| ["tests", "testing"].contains(&part))
}

/// A file without its comments and without what is compiled for tests only. rustfmt's indentation tells where an item ends.
fn product(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if code == "#[cfg(test)]" {
            let depth = indent(line);
            let ends = |l: &&str| indent(l) == depth && (l.trim_start().starts_with('}') || l.ends_with(';'));
            lines.by_ref().find(ends);
        } else if !code.starts_with("//") {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// Every path that begins with `crate::` or `super::`, as from the crate's root.
fn paths(text: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            expand(&text[at..], &[], &mut found);
        }
    }
    found.into_iter().map(|path| from_root(&path, module)).collect()
}

fn from_root(path: &[String], module: &[String]) -> Vec<String> {
    if path[0] == "crate" {
        return path[1..].to_vec();
    }
    let up = path.iter().take_while(|part| *part == "super").count();
    let base = &module[..module.len().saturating_sub(up)];
    [base, &path[up..]].concat()
}

/// Reads one path, or a tree of them in braces, and gives what follows.
fn expand<'a>(text: &'a str, prefix: &[String], found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if rest.is_empty() || rest.starts_with('}') {
                return rest.get(1..).unwrap_or_default();
            }
            let next = expand(rest, prefix, found);
            assert!(next.len() < rest.len(), "can't read {rest:.80}");
            // Whatever stands between, such as `as Name`.
            rest = next.trim_start_matches(|c| c != ',' && c != '}');
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [prefix, &[name.to_owned()]].concat();
    match rest.strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => expand(rest, &path, found),
        _ => {
            found.insert(path);
            rest
        }
    }
}

/// What is wrong with a use of `path` in `module`.
fn wrong(module: &[String], path: &[String]) -> Option<String> {
    let (layer, used) = (module[0].as_str(), path.first()?.as_str());
    let known = MAY_USE.iter().find(|(name, _)| *name == layer);
    let Some((_, allowed)) = known else {
        return Some(format!("`{layer}` has no place in the order: add it to MAY_USE"));
    };
    // Lower-case names of the root are modules; anything else is an item of lib.rs.
    let sibling = || layer == "services" && module.len() > 1 && path.len() > 1 && path[1] != module[1];
    let caller = || {
        path.get(1)
            .is_some_and(|item| ["caller", "Caller"].contains(&item.as_str()))
    };
    if used == layer {
        sibling().then(|| "a service uses another".to_owned())
    } else if !allowed.contains(&used) {
        Some(format!("`{layer}` may use {allowed:?}, not `{used}`"))
    } else if (layer, used) == ("aws", "auth") && !caller() {
        Some("of `auth`, `aws` may use the Caller alone".to_owned())
    } else {
        None
    }
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut found = Vec::new();
    let mut arrows = 0;
    for Source { name, text } in rust_files("src") {
        let Some(module) = module(&name).filter(|_| !is_test(&name)) else {
            continue;
        };
        for path in paths(&product(&text), &module) {
            arrows += 1;
            found.extend(wrong(&module, &path).map(|why| format!("{name}: {}: {why}", path.join("::"))));
        }
    }
    assert!(arrows > 50, "the scan sees {arrows} arrows");
    assert!(found.is_empty(), "arrows point up:\n{}", found.join("\n"));
}

#[test]
fn a_service_uses_its_own_sdk_and_leaves_the_rest_to_the_server() {
    let mut found = Vec::new();
    for Source { name, text } in rust_files("src/services") {
        let code = if is_test(&name) { String::new() } else { product(&text) };
        let sdks: BTreeSet<&str> = code
            .match_indices("aws_sdk_")
            .map(|(at, _)| {
                code[at..]
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap()
            })
            .collect();
        if sdks.len() > 1 {
            found.push(format!("{name} uses {sdks:?}"));
        }
        for other in ["tracing::", "std::env", "tokio::", "axum::", "aws_config::"] {
            if code.contains(other) {
                found.push(format!("{name} uses {other}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_stay_small() {
    let sources = [rust_files("src"), rust_files("tests"), rust_files("examples")].concat();
    let long = sources.iter().filter(|s| s.text.lines().count() > MOST_LINES);
    let long: Vec<_> = long
        .map(|s| format!("{} has {} lines", s.name, s.text.lines().count()))
        .collect();
    assert!(
        long.is_empty(),
        "split what has more than {MOST_LINES} lines: {}",
        long.join(", ")
    );
}

#[test]
fn nothing_is_left_half_done_or_silenced() {
    let marks = [
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("to", "do!("),
        concat!("unim", "plemented!("),
        concat!("#[ig", "nore"),
    ];
    let mut found = Vec::new();
    for Source { name, text } in [rust_files("src"), rust_files("tests"), rust_files("examples")].concat() {
        for (number, line) in text.lines().enumerate() {
            let hit = marks
                .iter()
                .find(|mark| line.contains(**mark) && !line.trim_start().starts_with("//"));
            found.extend(hit.map(|mark| format!("{name}:{}: {mark}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn tests_do_not_sleep() {
    let (thread, task) = (concat!("thread::sl", "eep"), concat!("time::sl", "eep"));
    let mut found = Vec::new();
    for Source { name, text } in [rust_files("src"), rust_files("tests")].concat() {
        let tests = if is_test(&name) || name.starts_with("tests/") {
            text
        } else {
            let product = product(&text);
            assert!(!product.contains(thread), "{name} blocks a thread");
            text.lines().filter(|line| !product.contains(line)).collect()
        };
        // Under a paused clock a sleep takes no time.
        if tests.contains(thread) || (tests.contains(task) && !tests.contains("start_paused")) {
            found.push(name);
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_scan_sees_what_it_must() {
    let here = |path: &str| -> Vec<String> { path.split("::").map(str::to_owned).collect() };
    let text = "use crate::{\n    auth::{Caller, bearer::Authenticator as A},\n    config::Region,\n};\nuse super::super::http::x;\n\
                fn f() { crate::ops::ok::<u8>() }\n#[cfg(test)]\nmod tests {\n    use crate::cli::x;\n}\n#[cfg(test)]\nuse crate::cli;\n";
    let seen: Vec<String> = paths(&product(text), &here("aws::ids"))
        .iter()
        .map(|p| p.join("::"))
        .collect();
    let expected = [
        "auth::Caller",
        "auth::bearer::Authenticator",
        "config::Region",
        "http::x",
        "ops::ok",
    ];
    assert_eq!(seen, expected);
    for (module, path, fine) in [
        ("aws::ids", "auth::Caller", true),
        ("aws::ids", "auth::bearer::Authenticator", false),
        ("aws::ids", "ops::ok", false),
        ("services::s3::object", "services::s3::head", true),
        ("services::s3::object", "services::secrets::value", false),
        ("services::s3", "aws::Session", false),
        ("http::access", "server::Server", false),
        ("config::env", "aws::ids", false),
        ("server::finish", "sandbox::Sandbox", false),
        ("cli::serve", "sandbox::Sandbox", true),
        ("new::thing", "config::Region", false),
    ] {
        assert_eq!(
            wrong(&here(module), &here(path)).is_none(),
            fine,
            "{module} uses {path}"
        );
    }
}
