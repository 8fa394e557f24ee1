use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops},
};

#[tokio::test]
async fn groups_have_their_size_and_retention() {
    let list = data(ops("production").await.describe_log_groups(input(json!({}))).await).unwrap();
    assert_eq!(list["never_expire"], 2);
    let api = list["log_groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["name"] == "/ecs/api")
        .unwrap();
    assert_eq!(api["stored"], "6.8 GiB (7340032512 bytes)");
    assert_eq!(api["retention"], "14 d");
    assert!(api["created"].as_str().unwrap().ends_with("(200 d ago)"), "{api}");
    assert!(
        list["total_stored"].as_str().unwrap().starts_with("4.1 TiB (46"),
        "{list}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_query_is_waited_for_and_says_what_it_cost() {
    let ops = ops("production").await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = heard.clone();
    let ops = ops.heard_by(Arc::new(move |said| listening.lock().unwrap().push(said)));
    let query = json!({
        "log_group_names": ["/ecs/api"], "since": "2h",
        "query": "filter status >= 500 | fields @timestamp, status, request_id",
    });
    let answer = data(ops.query_logs(input(query)).await).unwrap();
    assert_eq!(answer["status"], "Complete");
    assert!(answer["records_scanned"].as_u64().unwrap() >= 239, "{answer}");
    assert!(answer["bytes_scanned"].as_str().unwrap().contains("KiB ("), "{answer}");
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len() as u64, answer["records_matched"].as_u64().unwrap());
    assert!(rows[0].get("@ptr").is_none() && rows[0]["status"] == "502", "{answer}");
    assert!(answer.get("note").is_none(), "{answer}");
    assert_eq!(*heard.lock().unwrap(), ["0 records matched, 0 bytes scanned"]);
}

#[tokio::test(start_paused = true)]
async fn at_its_deadline_a_query_is_stopped_and_gives_what_it_found() {
    let (started, limit) = (Instant::now(), Duration::from_secs(40));
    let ops = ops("production").await.until(Some(started + limit));
    let query =
        json!({ "log_group_names": ["/aws/vpc/flow-logs", "/ecs/api"], "query": "fields @message", "limit": 5 });
    let answer = data(ops.query_logs(input(query)).await).unwrap();
    assert!(started.elapsed() <= limit && started.elapsed() > limit / 2);
    assert_eq!(
        (&answer["status"], answer["rows"].as_array().unwrap().len()),
        (&json!("Partial"), 5)
    );
    let note = answer["note"].as_str().unwrap();
    assert!(
        note.contains("less time or fewer groups") && note.contains("raise limit"),
        "{note}"
    );
    assert!(answer["bytes_scanned"].as_str().unwrap().contains("GiB"), "{answer}");
}

#[tokio::test]
async fn a_prefix_names_groups_and_none_is_no_error() {
    let production = ops("production").await;
    let query = |prefix: &str| json!({ "log_group_name_prefix": prefix, "query": "stats count(*) by @log" });
    let answer = data(production.query_logs(input(query("/aws/l"))).await).unwrap();
    assert_eq!(answer["log_groups"], json!(["/aws/lambda/checkout"]));
    let none = data(production.query_logs(input(query("/no/such"))).await).unwrap();
    assert!(
        none["note"]
            .as_str()
            .unwrap()
            .contains("no log group here begins with /no/such"),
        "{none}"
    );
    let error = data(ops("staging").await.query_logs(input(query("/aws/"))).await).unwrap_err();
    assert!(
        error.to_string().contains("more than 50 log groups begin with /aws/"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_query_is_explained_with_its_place() {
    let ops = ops("development").await;
    let query = json!({ "log_group_names": ["/ecs/api"], "query": "fields @message | filtre x = 1" });
    let error = data(ops.query_logs(input(query)).await).unwrap_err();
    let expected = "AWS answered MalformedQueryException: unexpected symbol found filtre at line 1 and position 19 (character 18 of the query: `filtre`)";
    assert_eq!(error.to_string(), expected);
    for (arguments, expected) in [
        (json!({ "query": "limit 1" }), "give either log_group_names"),
        (
            json!({ "query": "x", "log_group_names": ["a"], "log_group_name_prefix": "a" }),
            "give either",
        ),
        (json!({ "query": " ", "log_group_names": ["a"] }), "query is empty"),
        (
            json!({ "query": "x", "log_group_names": ["a"], "limit": 0 }),
            "limit is from 1",
        ),
        (
            json!({ "query": "x", "log_group_names": ["a"], "until": "2h" }),
            "is not before until",
        ),
    ] {
        let error = data(ops.query_logs(input(arguments)).await).unwrap_err();
        assert!(
            error.code() == ErrorCode::InvalidInput && error.to_string().contains(expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_quick_look_has_the_newest_first_and_goes_on_where_it_stopped() {
    let ops = ops("production").await;
    let look = json!({ "log_group_name": "/ecs/api", "filter_pattern": "error", "since": "30m", "max_results": 3 });
    let first = data(ops.filter_log_events(input(look.clone())).await).unwrap();
    let times = |answer: &serde_json::Value| {
        let events = answer["events"].as_array().unwrap();
        events
            .iter()
            .map(|e| e["time"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(times(&first).len(), 3);
    let mut more = look;
    more["next_token"] = first["next_token"].clone();
    let second = data(ops.filter_log_events(input(more)).await).unwrap();
    assert_eq!((&first["since"], &first["until"]), (&second["since"], &second["until"]));
    let all = [times(&first), times(&second)].concat();
    assert!(all.is_sorted_by(|a, b| a > b), "{all:?}");
    let missing = json!({ "log_group_name": "/no/such" });
    let error = data(ops.filter_log_events(input(missing)).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}
