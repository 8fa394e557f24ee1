//! What the log must never hold: no secret in any form, no token, and nothing that makes two lines of one.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    every_tool::{Things, successes},
    support::{
        calls::Calls as _,
        client::Client,
        process::{Running, sandbox_server},
        text, unique,
        world::MANAGEMENT_ROLE,
    },
};

/// In each canary; letters and digits, so that JSON and URLs leave it as it is.
const CORE: &str = "cAnArY7f3a9cQx";
/// Quotes, a backslash, a line's end and what URLs escape, so that every form of it differs.
const CANARY: &str = "\"cAnArY7f3a9cQx\\ +&=/%\r\n{\"password\": \"ünï\"}";

/// What a log that leaked `secret` might hold.
fn forms(secret: &str) -> Vec<String> {
    let base64 = (0..3).map(|shift| {
        let shifted = [vec![b'.'; shift], secret.as_bytes().to_vec()].concat();
        let encoded = BASE64_STANDARD.encode(shifted);
        // The ends depend on the neighbours.
        encoded[4..encoded.len() - 4].to_owned()
    });
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    let bytes = secret.bytes().map(|b| b.to_string()).collect::<Vec<_>>().join(", ");
    let plain = [secret.to_owned(), hex.to_uppercase(), hex, percent, bytes];
    plain.into_iter().chain(base64).collect()
}

/// Checks the whole log: nothing of `secrets` in it, every line one JSON object, nothing that a terminal would obey.
fn check(log: &str, secrets: &[&str]) {
    for secret in secrets {
        for form in forms(secret) {
            let hit = log.lines().find(|line| line.contains(&form));
            assert!(hit.is_none(), "`{form}` in {hit:?}");
        }
    }
    let marks = ['\u{202e}', '\u{2066}', '\u{200f}', '\u{2028}'];
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in the line: {line:?}"));
        assert!(event.is_object() && event.get("level").is_some(), "{line}");
        assert!(
            !line.contains(|c: char| c.is_control() || marks.contains(&c)),
            "{line:?}"
        );
    }
}

fn ended(running: Running) -> String {
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.code, Some(0));
    ended.err
}

fn tool_calls(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("\"message\":\"tool call\""))
        .count()
}

async fn tools(client: &Client) -> Vec<Value> {
    let listed = client.rpc("tools/list", json!({})).await;
    listed["result"]["tools"].as_array().unwrap().clone()
}

/// Calls the tools that may hold a canary so that they succeed, with it in whatever may.
async fn succeed_everywhere(client: &Client) -> BTreeSet<&'static str> {
    let (name, key, record) = (
        unique("secret"),
        unique("key"),
        format!("{}.dev.acme.example.", unique("txt")),
    );
    let bucket = "acme-dev-config-444444444444";
    let mut called = BTreeSet::new();
    let mut call = async |tool: &'static str, arguments: Value| {
        called.insert(tool);
        let mut arguments = arguments;
        if tool != "list_accounts" {
            arguments["account"] = json!("development");
        }
        let body = client.call(tool, arguments).await;
        assert_eq!(body["success"], json!(true), "{tool}: {body}");
        body["data"].clone()
    };
    call("list_accounts", json!({})).await;
    call("get_caller_identity", json!({})).await;
    let made = json!({ "name": name, "secret_string": CANARY, "description": CANARY, "tags": { "note": CORE } });
    call("create_secret", made).await;
    let binary = BASE64_STANDARD.encode(CANARY);
    call("update_secret", json!({ "secret_id": name, "secret_binary": binary })).await;
    call(
        "list_secrets",
        json!({ "filters": [{ "key": "name", "values": [name] }] }),
    )
    .await;
    let value = call(
        "get_secret_value",
        json!({ "secret_id": name, "version_stage": "AWSPREVIOUS" }),
    )
    .await;
    assert_eq!(text(&value, "secret_string"), CANARY);
    let seeded = call("get_secret_value", json!({ "secret_id": "payments/db/primary" })).await;
    assert!(text(&seeded, "secret_string").contains("sandbox-development-Vq7tLw2e"));
    call(
        "delete_secret",
        json!({ "secret_id": name, "force_delete_without_recovery": true }),
    )
    .await;

    let zones = call("list_hosted_zones", json!({})).await;
    let zone = zones["hosted_zones"][0]["id"].clone();
    let txt = json!({ "name": record, "type": "TXT", "ttl": 60, "resource_records": [format!("\"{CORE}\"")] });
    let changes = json!([{ "action": "CREATE", "resource_record_set": txt }]);
    let change = json!({ "hosted_zone_id": zone, "changes": changes, "comment": CORE });
    let changed = call("change_resource_record_sets", change).await;
    call("get_change", json!({ "id": changed["change"]["id"] })).await;
    call("list_resource_record_sets", json!({ "hosted_zone_id": zone })).await;

    call("list_buckets", json!({})).await;
    let put = json!({ "bucket": bucket, "key": key, "body": CANARY, "metadata": { "note": CORE } });
    call("put_object", put).await;
    let put = json!({ "bucket": bucket, "key": format!("{key}-{CORE}"), "body_base64": binary });
    call("put_object", put).await;
    let at = json!({ "bucket": bucket, "key": key });
    call("head_object", at.clone()).await;
    let object = call("get_object", at.clone()).await;
    assert_eq!(text(&object, "body"), CANARY);
    call("list_objects", json!({ "bucket": bucket, "prefix": key })).await;
    call("delete_object", at).await;
    called
}

/// The arguments of a tool, all of them the same text.
fn everything(tool: &Value, value: &str) -> Map<String, Value> {
    let properties = tool["inputSchema"]["properties"].as_object().unwrap();
    properties.keys().map(|name| (name.clone(), json!(value))).collect()
}

#[tokio::test]
async fn no_secret_and_no_token_reaches_the_log_whatever_is_called_and_however_it_ends() {
    let (running, client) = sandbox_server(&["--log-level", "trace", "--allowed-role-arns", MANAGEMENT_ROLE]);
    let tools = tools(&client).await;
    let mut called = succeed_everywhere(&client).await;
    let things = Things::new(&client).await;
    for (tool, arguments) in successes(&things, false) {
        if !called.contains(tool) {
            client.ok(tool, arguments).await;
            called.insert(tool);
        }
    }
    let exist: BTreeSet<&str> = tools.iter().map(|tool| text(tool, "name")).collect();
    assert_eq!(called, exist, "every tool must succeed here once");
    let mut failures = 0;
    for tool in &tools {
        let name = text(tool, "name");
        for selector in [
            json!({}),
            json!({ "account": "development" }),
            json!({ "account": "production" }),
        ] {
            // Texts alone, so that AWS is asked; then one wrong type more, so that it isn't.
            let texts = tool["inputSchema"]["properties"].as_object().unwrap().iter();
            let texts = texts.filter(|(_, schema)| schema["type"] == json!("string"));
            let mut arguments: Map<_, _> = texts.map(|(name, _)| (name.clone(), json!(CANARY))).collect();
            for field in ["account", "role_arn", "profile", "region"] {
                arguments.remove(field);
            }
            arguments.extend(selector.as_object().unwrap().clone());
            client.call(name, Value::Object(arguments.clone())).await;
            arguments.insert(CANARY.to_owned(), json!(CANARY));
            client.call(name, Value::Object(arguments)).await;
            failures += 2;
        }
        client.call(name, Value::Object(everything(tool, CANARY))).await;
        failures += 1;
    }
    let token = client.token().to_owned();
    let wrong = format!("Bearer {CORE}{CORE}");
    let answer = client
        .send(Method::POST, "/mcp", &[("authorization", wrong.as_bytes())], "{}")
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let query = format!("/mcp?access_token={CORE}");
    client.send(Method::POST, &query, &[], CANARY).await;

    let log = ended(running);
    assert!(tool_calls(&log) >= called.len() + failures, "{}", tool_calls(&log));
    assert!(log.contains("\"level\":\"DEBUG\""), "the log holds more than the usual");
    check(
        &log,
        &[CORE, "Vq7tLw2e", "sandbox-base-session-token", "wJalrXUtnFEMI", &token],
    );
}

#[tokio::test]
async fn one_event_is_one_line_whatever_a_client_sends() {
    let (running, client) = sandbox_server(&["--log-level", "trace"]);
    let evil = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m\u{85}\u{202e}\u{2066}\u{2028}\0";
    let mut calls = 0;
    for tool in tools(&client).await {
        let mut arguments = everything(&tool, evil);
        client.call(text(&tool, "name"), Value::Object(arguments.clone())).await;
        for field in ["account", "role_arn", "profile", "region"] {
            arguments.remove(field);
        }
        arguments.insert("account".to_owned(), json!("development"));
        client.call(text(&tool, "name"), Value::Object(arguments)).await;
        calls += 2;
    }
    let unknown = client.rpc("tools/call", json!({ "name": evil, "arguments": {} })).await;
    assert!(unknown.get("error").is_some());
    client.rpc(evil, json!({ "x": evil })).await;

    let bearer = format!("Bearer {}", client.token());
    let raw = "http://evil\u{202e}\u{85}".as_bytes();
    for path in [
        "/x%0d%0aforged",
        "/%1b%5b31m",
        "/%E2%80%AE%C2%85",
        "/mcp/%00",
        "/messages?sessionId=%0d%0a%1b",
    ] {
        for (name, value) in [
            ("origin", raw),
            ("mcp-session-id", raw),
            ("user-agent", raw),
            ("x-forwarded-for", raw),
            ("x-request-id", raw),
        ] {
            let headers = [("authorization", bearer.as_bytes()), (name, value)];
            let answer = client.send(Method::POST, path, &headers, evil).await;
            assert!(answer.status.is_client_error(), "{path} {name}: {}", answer.status);
            assert!(answer.headers.contains_key("x-request-id"));
        }
    }
    client.send(Method::POST, "/mcp", &[("authorization", raw)], evil).await;
    client
        .send(
            Method::POST,
            "/mcp",
            &[("host", raw), ("authorization", bearer.as_bytes())],
            evil,
        )
        .await;

    let log = ended(running);
    assert_eq!(tool_calls(&log), calls);
    assert!(!log.lines().any(|line| line.contains("\"message\":\"forged\"")));
    check(&log, &[]);
}

#[test]
fn the_search_for_secrets_finds_them_in_every_form() {
    let log = |value: &str| json!({ "level": "INFO", "value": value }).to_string();
    let told = [
        log(CANARY),
        log(&format!("{CANARY:?}")),
        log(&BASE64_STANDARD.encode(format!("{{\"x\": \"{CORE}\"}}"))),
        log(&BASE64_STANDARD.encode(format!("ab{CORE}"))),
        log(&format!("{:?}", CORE.as_bytes())),
    ];
    for line in told {
        assert!(forms(CORE).iter().any(|form| line.contains(form)), "{line}");
    }
}
