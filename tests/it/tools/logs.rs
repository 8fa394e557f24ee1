//! CloudWatch Logs.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{
    body_of, text, texts,
    world::{ALICE, World},
};

const HUGE: &str = "/aws/vpc/flow-logs";

fn query(group: &str, query: &str) -> Value {
    json!({ "log_group_names": [group], "query": query, "since": "2h" })
}

fn across(mut arguments: Value) -> Value {
    arguments["accounts"] = json!(["all"]);
    arguments
}

#[tokio::test]
async fn rows_of_several_accounts_are_one_list_by_time() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let failed = "fields @timestamp, status, request_id | filter status >= 500";
    let body = world.call("query_logs", across(query("/ecs/api", failed))).await;
    let rows = body["rows"].as_array().unwrap();
    let times = texts(rows, "@timestamp");
    assert!(times.len() > 5 && times.is_sorted_by(|a, b| a >= b), "{times:?}");
    for account in ["production", "staging", "development"] {
        assert!(rows.iter().any(|r| r["account"] == json!(account)), "{account}: {body}");
    }
    let results = body["results"].as_array().unwrap();
    let matched: u64 = results
        .iter()
        .map(|r| r["data"]["records_matched"].as_u64().unwrap())
        .sum();
    assert_eq!(matched, rows.len() as u64);
    assert!(
        results
            .iter()
            .all(|r| r["data"].get("rows").is_none() && r["receipt"].is_object()),
        "{body}"
    );
    let counted = "filter status >= 500 | stats count(*) as errors by bin(1h)";
    let body = world.call("query_logs", across(query("/ecs/api", counted))).await;
    let bins = texts(body["rows"].as_array().unwrap(), "bin(1h)");
    assert!(bins.len() >= 6 && bins.is_sorted_by(|a, b| a >= b), "{bins:?}");
    let worst = "fields latency_ms | sort latency_ms desc | limit 1";
    let body = world.call("query_logs", across(query("/ecs/api", worst))).await;
    assert_eq!(body["rows"].as_array().unwrap().len(), 3, "{body}");
}

#[tokio::test]
async fn an_account_without_such_a_group_is_its_own_failure_and_a_prefix_none() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let only = across(query("/aws/lambda/tenant-001", "stats count(*)"));
    let body = world.call("query_logs", only).await;
    assert_eq!(
        (&body["summary"]["ok"], &body["summary"]["errors"]),
        (&json!(1), &json!({ "not_found": 2 }))
    );
    let prefix =
        json!({ "accounts": ["all"], "log_group_name_prefix": "/aws/lambda/tenant-00", "query": "stats count(*)" });
    let body = world.call("query_logs", prefix).await;
    assert_eq!(
        (&body["summary"]["ok"], body["rows"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
}

async fn messages(world: &World, arguments: Value) -> Vec<Value> {
    let params = json!({ "name": "query_logs", "arguments": arguments, "_meta": { "progressToken": "p" } });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let body = world.send(ALICE, None, &call).await.into_body();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let data = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim);
    data.filter(|d| !d.is_empty())
        .map(|d| serde_json::from_str(d).unwrap())
        .collect()
}

#[tokio::test]
async fn while_it_runs_a_query_says_how_far_it_is() {
    let Some(world) = World::sandbox(&[]).await else { return };
    for (mut arguments, total) in [
        (query("/ecs/api", "limit 1"), None),
        (across(query("/ecs/api", "limit 1")), Some(3.0)),
    ] {
        if total.is_none() {
            arguments["account"] = json!("staging");
        }
        let messages = messages(&world, arguments).await;
        let (answer, notes) = messages.split_last().unwrap();
        assert_eq!(body_of(answer)["success"], json!(true));
        let params: Vec<&Value> = notes.iter().map(|n| &n["params"]).collect();
        let counts: Vec<f64> = params.iter().map(|p| p["progress"].as_f64().unwrap()).collect();
        assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
        assert!(params.iter().all(|p| p["total"].as_f64() == total), "{params:?}");
        assert_eq!(counts.last().copied(), Some(total.unwrap_or(1.0)));
        let said = params.iter().filter(|p| text(p, "message").contains("records matched"));
        assert_eq!(said.count(), if total.is_none() { 1 } else { 3 }, "{params:?}");
    }
}

#[tokio::test]
async fn at_the_deadline_a_query_is_stopped_and_it_is_said_if_it_could_not_be() {
    let Some(world) = World::sandbox(&["--tool-timeout", "1s"]).await else {
        return;
    };
    let mut long = query(HUGE, "fields @message");
    long["account"] = json!("development");
    let answer = world.ok("query_logs", long.clone()).await;
    assert_eq!(answer["status"], json!("Partial"));
    assert!(
        text(&answer, "note").contains("stopped at the call's deadline"),
        "{answer}"
    );
    assert!(!text(&answer, "note").contains("could not be stopped"), "{answer}");
    assert_eq!(world.accounts().calls("logs", "StopQuery"), 1);
    let deny = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "logs:StopQuery", "Resource": "*" },
    ]});
    let put = world
        .accounts()
        .put_role_policy("444444444444", "aws-ops-target", "no-stop", &deny)
        .await;
    put.unwrap();
    let answer = world.ok("query_logs", long).await;
    let note = text(&answer, "note");
    assert!(
        note.contains("could not be stopped") && note.contains("logs:StopQuery"),
        "{note}"
    );
    let body = world.call("query_logs", across(query(HUGE, "fields @message"))).await;
    let status = |r: &Value| r["data"]["status"].as_str().map(str::to_owned);
    let all: Vec<_> = body["results"].as_array().unwrap().iter().map(status).collect();
    assert_eq!(all, vec![Some("Partial".to_owned()); 3], "{body}");
}

#[tokio::test]
async fn a_query_of_a_client_that_goes_away_is_stopped() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let world = Arc::new(world);
    let going = world.clone();
    let mut long = query(HUGE, "fields @message");
    long["account"] = json!("development");
    let call = tokio::spawn(async move { going.call("query_logs", long).await });
    let until = async |operation: &str| {
        while world.accounts().calls("logs", operation) == 0 {
            tokio::task::yield_now().await;
        }
    };
    until("GetQueryResults").await;
    call.abort();
    assert!(call.await.is_err());
    until("StopQuery").await;
}

#[tokio::test]
async fn groups_are_found_by_a_part_of_their_name_and_page_by_page() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "account": "staging", "log_group_name_pattern": "tenant" });
    let whole = world.ok("describe_log_groups", arguments.clone()).await;
    assert_eq!(
        (&whole["total_stored"], &whole["never_expire"]),
        (&json!("60.0 MiB (62914560 bytes)"), &json!(0))
    );
    let whole = texts(whole["log_groups"].as_array().unwrap(), "name");
    let pages = world.pages("describe_log_groups", arguments, 25, "log_groups").await;
    assert_eq!(texts(&pages.concat(), "name"), whole);
    let both = json!({ "account": "staging", "log_group_name_pattern": "a", "log_group_name_prefix": "b" });
    world.fails("invalid_input", "describe_log_groups", both).await;
}

#[tokio::test]
async fn a_quick_look_shows_events_by_pattern_and_stream() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let look = |extra: Value| {
        let mut arguments = json!({ "account": "production", "log_group_name": "/ecs/api" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        arguments
    };
    let all = world.ok("filter_log_events", look(json!({}))).await;
    assert_eq!(all["events"].as_array().unwrap().len(), 100, "the newest hundred");
    let errors = look(json!({ "filter_pattern": "\"upstream timeout\"", "max_results": 1000 }));
    let errors = world.ok("filter_log_events", errors).await;
    let events = errors["events"].as_array().unwrap();
    assert!(
        !events.is_empty() && events.iter().all(|e| text(e, "message").contains("upstream timeout")),
        "{errors}"
    );
    let stream = look(json!({ "log_stream_names": ["api/api/4f1c"], "max_results": 1000 }));
    let stream = world.ok("filter_log_events", stream).await;
    assert_eq!(stream["by_stream"].as_object().unwrap().len(), 1, "{stream}");
    let wrong = look(json!({ "filter_pattern": "{ $.status = }" }));
    let error = world.fails("invalid_input", "filter_log_events", wrong).await;
    assert_eq!(error["aws_code"], json!("InvalidParameterException"));
}
