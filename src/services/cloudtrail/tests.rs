use serde_json::{Value, json};

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops, ops_in},
};

#[tokio::test]
async fn the_last_hour_s_changes_are_summed_up_and_told() {
    let ops = ops("production").await;
    let found = data(ops.lookup_events(input(json!({}))).await).unwrap();
    assert_eq!((&found["count"], &found["failed"]), (&json!(4), &json!(1)), "{found}");
    assert_eq!(
        found["by_user"],
        json!({ "github-actions-4711": 1, "maria@acme.example": 2, "tom@acme.example": 1 })
    );
    assert_eq!(found["by_event"]["UpdateSecret"], 1);
    let first = &found["events"][0];
    assert_eq!(first["event"], "AuthorizeSecurityGroupIngress");
    assert_eq!(
        first["resources"],
        json!(["AWS::EC2::SecurityGroup sg-0a1b2c3d4e5f60718"])
    );
    assert!(first["time"].as_str().unwrap().ends_with("(12 min ago)"), "{first}");
    assert!(
        first["from"].as_str().unwrap().starts_with("203.0.113.24, Mozilla"),
        "{first}"
    );
    assert!(first.get("request").is_none() && found.get("note").is_none(), "{found}");
    let failed = &found["events"][3];
    assert!(
        failed["error"].as_str().unwrap().starts_with("AccessDenied: "),
        "{failed}"
    );
}

#[tokio::test]
async fn one_attribute_is_aws_s_and_the_others_are_ours() {
    let ops = ops("production").await;
    let arguments = json!({ "since": "7d", "user_name": "maria@acme.example", "event_source": "rds" });
    let found = data(ops.lookup_events(input(arguments)).await).unwrap();
    assert_eq!(found["by_event"], json!({ "ModifyDBInstance": 1 }));
    assert!(
        found["note"]
            .as_str()
            .unwrap()
            .contains("event_source was compared here"),
        "{found}"
    );

    let all = json!({ "changes_only": false, "event_name": "DescribeInstances" });
    assert_eq!(data(ops.lookup_events(input(all)).await).unwrap()["count"], 1);
    let reads = json!({ "event_name": "DescribeInstances" });
    assert_eq!(data(ops.lookup_events(input(reads)).await).unwrap()["count"], 0);
    let group = json!({ "resource_name": "sg-0a1b2c3d4e5f60718" });
    let found = data(ops.lookup_events(input(group)).await).unwrap();
    let id = json!({ "event_id": found["events"][0]["event_id"], "details": true });
    let found = data(ops.lookup_events(input(id)).await).unwrap();
    assert_eq!(found["events"][0]["request"]["groupId"], "sg-0a1b2c3d4e5f60718");
}

#[tokio::test]
async fn no_secret_is_told_even_with_details() {
    let ops = ops("production").await;
    let arguments = json!({ "since": "2d", "event_name": "CreateLoginProfile", "details": true });
    let found = data(ops.lookup_events(input(arguments)).await).unwrap();
    assert_eq!(
        found["events"][0]["request"],
        json!({ "userName": "ci-legacy", "password": "(hidden)" })
    );
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_cut_though_new_events_came() {
    let ops = ops("production").await;
    let whole = data(ops.lookup_events(input(json!({ "since": "30d" }))).await).unwrap();
    let whole = whole["events"].as_array().unwrap();
    let mut arguments = json!({ "since": "30d", "max_results": 3 });
    let mut found: Vec<Value> = Vec::new();
    loop {
        let page = data(ops.lookup_events(input(arguments.clone())).await).unwrap();
        found.extend(page["events"].as_array().unwrap().clone());
        match page.get("next_token") {
            Some(token) => arguments["next_token"] = token.clone(),
            None => break,
        }
    }
    let ids = |events: &[Value]| events.iter().map(|e| e["event_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(whole));
    assert_eq!(found.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn many_pages_are_looked_through_and_what_is_asked_here_is_among_them() {
    let ops = ops("development").await;
    for _ in 0..60 {
        let read = json!({ "since": "2m", "changes_only": false, "max_results": 1 });
        data(ops.lookup_events(input(read)).await).unwrap();
    }
    let found = json!({ "since": "1h", "changes_only": false, "event_name": "SetQueueAttributes" });
    assert_eq!(data(ops.lookup_events(input(found)).await).unwrap()["count"], 1);
    let all = data(
        ops.lookup_events(input(json!({ "changes_only": false, "max_results": 1000 })))
            .await,
    )
    .unwrap();
    assert!(
        all["by_event"]["LookupEvents"].as_u64().unwrap() >= 60,
        "{}",
        all["by_event"]
    );
    assert_eq!(
        all["count"].as_u64().unwrap(),
        all["events"].as_array().unwrap().len() as u64
    );
}

#[tokio::test]
async fn what_can_t_be_looked_up_is_said() {
    let europe = ops_in("production", Some("eu-west-1")).await;
    let found = data(europe.lookup_events(input(json!({}))).await).unwrap();
    assert!(
        found["note"].as_str().unwrap().contains("recorded in us-east-1"),
        "{found}"
    );
    for (arguments, said) in [
        (json!({ "since": "yesterday" }), "is no time"),
        (json!({ "since": "120d" }), "90 days"),
        (json!({ "since": "1h", "until": "2h" }), "`since` is after `until`"),
        (json!({ "next_token": "x" }), "next_token"),
    ] {
        let error = data(europe.lookup_events(input(arguments)).await).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
