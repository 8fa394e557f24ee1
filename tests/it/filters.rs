//! `TOOLSETS`, `TOOLS`, `EXCLUDE_TOOLS`, `READ_ONLY`: what they hide is not listed, and refused when it is called by name.

use std::collections::BTreeSet;

use aws_ops_mcp::{ops::Access, server::Catalogue};
use serde_json::{Value, json};

use crate::support::{
    process::program,
    text, texts,
    world::{ALICE, World},
};

/// As the sandbox counts it: the service's name there, and AWS's name of the operation.
fn counted(toolset: &str, tool: &str) -> (String, String) {
    let service = if toolset == "secrets" {
        "secretsmanager"
    } else {
        toolset
    };
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    (service.to_owned(), tool.split('_').map(capital).collect())
}

#[tokio::test]
async fn a_hidden_tool_called_by_name_is_refused_and_asks_aws_nothing() {
    let catalogue = Catalogue::new(false).unwrap();
    let read = |e: &&aws_ops_mcp::server::Entry| e.declaration.access == Access::Read;
    let all = || catalogue.entries();
    let names = |list: Vec<&aws_ops_mcp::server::Entry>| -> BTreeSet<String> {
        list.iter().map(|e| e.tool.name.to_string()).collect()
    };
    for (flags, variable, left) in [
        (&["--read-only"][..], "READ_ONLY", names(all().filter(read).collect())),
        (
            &["--toolsets", "route53,sts"],
            "TOOLSETS",
            names(all().filter(|e| ["route53", "sts"].contains(&e.toolset)).collect()),
        ),
        (
            &["--tools", "list_buckets"],
            "TOOLS",
            BTreeSet::from(["list_buckets".to_owned()]),
        ),
        (
            &["--exclude-tools", "get_secret_value"],
            "EXCLUDE_TOOLS",
            names(all().filter(|e| e.tool.name != "get_secret_value").collect()),
        ),
        (
            &["--tools", "put_object,list_buckets", "--read-only"],
            "READ_ONLY",
            BTreeSet::from(["list_buckets".to_owned()]),
        ),
    ] {
        let Some(world) = World::sandbox(flags).await else {
            return;
        };
        let listed = world.rpc(ALICE, "tools/list", json!({})).await;
        let listed: BTreeSet<String> = texts(listed["result"]["tools"].as_array().unwrap(), "name")
            .into_iter()
            .collect();
        assert_eq!(listed, left, "{flags:?}");
        for entry in all().filter(|e| !left.contains(e.tool.name.as_ref())) {
            let name = &entry.tool.name;
            // Not even its arguments are looked at.
            for arguments in [
                json!({ "account": "development", "secret_id": "web/api-key" }),
                json!({}),
            ] {
                let error = world.fails("forbidden", name, arguments).await;
                assert!(
                    text(&error, "hint").contains("TOOLS") || text(&error, "hint").contains("READ_ONLY"),
                    "{error}"
                );
            }
            let (service, operation) = counted(entry.toolset, name);
            assert_eq!(world.accounts().calls(&service, &operation), 0, "{name}");
        }
        assert_eq!(world.accounts().calls("sts", "AssumeRole"), 0, "{flags:?}");
        let first = catalogue
            .entries()
            .find(|e| !left.contains(e.tool.name.as_ref()))
            .unwrap();
        let error = world.fails("forbidden", &first.tool.name, json!({})).await;
        if variable != "READ_ONLY" {
            assert!(text(&error, "hint").starts_with(variable), "{error}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_still_unknown() {
    let world = World::with(&["--read-only"]).await;
    let answer = world
        .rpc(ALICE, "tools/call", json!({ "name": "list_secret", "arguments": {} }))
        .await;
    let message = text(&answer["error"], "message");
    assert!(message.contains("did you mean `list_secrets`"), "{answer}");
    let answer = world
        .rpc(ALICE, "tools/call", json!({ "name": "create_secre", "arguments": {} }))
        .await;
    assert!(!answer.to_string().contains("`create_secret`"), "{answer}");
}

#[test]
fn every_command_honours_the_filters_and_stops_at_a_wrong_name() {
    let ended = program(&["tools", "--json"])
        .env("TOOLSETS", "route53")
        .env("READ_ONLY", "true")
        .run();
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        texts(shown["tools"].as_array().unwrap(), "name"),
        [
            "get_change",
            "list_health_checks",
            "list_hosted_zones",
            "list_resource_record_sets",
            "test_dns_answer"
        ]
    );
    let arguments = [
        "call",
        "get_secret_value",
        "--sandbox",
        "--arg",
        "account=staging",
        "--arg",
        "secret_id=x",
    ];
    let ended = program(&arguments).env("READ_ONLY", "true").run();
    let body: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &body["error"]["code"]), (Some(1), &json!("forbidden")));
    assert!(text(&body["error"], "hint").starts_with("READ_ONLY"), "{body}");
    for command in [
        &["tools"][..],
        &["stdio"],
        &["call", "list_secrets"],
        &["serve", "--sandbox", "--port", "0"],
        &["iam"],
    ] {
        let ended = program(command).env("EXCLUDE_TOOLS", "delete_secrt").run();
        assert_eq!(ended.code, Some(2), "{command:?}");
        assert!(
            ended.err.contains("EXCLUDE_TOOLS") && ended.err.contains("did you mean `delete_secret`"),
            "{}",
            ended.err
        );
        assert_eq!(ended.err.trim().lines().count(), 1, "{}", ended.err);
    }
}
