use aws_sdk_cloudwatchlogs::{Client, types::QueryStatus};

use crate::sandbox::{
    Sandbox,
    testing::{DEVELOPMENT, PRODUCTION, STAGING, failure},
};

fn seconds() -> i64 {
    super::now()
}

/// The rows of a query over the last two hours, as text.
async fn rows(client: &Client, group: &str, query: &str) -> Vec<Vec<(String, String)>> {
    let started = client.start_query().log_group_names(group).query_string(query);
    let started = started
        .start_time(seconds() - 7200)
        .end_time(seconds())
        .send()
        .await
        .unwrap();
    let id = started.query_id().unwrap();
    let first = client.get_query_results().query_id(id).send().await.unwrap();
    assert_eq!(first.status(), Some(&QueryStatus::Running));
    let done = client.get_query_results().query_id(id).send().await.unwrap();
    assert_eq!(done.status(), Some(&QueryStatus::Complete), "{query}");
    let row = |fields: &Vec<aws_sdk_cloudwatchlogs::types::ResultField>| {
        let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
        fields.iter().map(|f| (text(f.field()), text(f.value()))).collect()
    };
    done.results().iter().map(row).collect()
}

#[tokio::test]
async fn the_language_filters_sorts_counts_and_takes_apart() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.target(PRODUCTION).await.logs;
    let failed = rows(&client, "/ecs/api", "fields @timestamp, status, latency_ms | filter status >= 500 and path = \"/orders\" | sort latency_ms desc | limit 3").await;
    assert_eq!(failed.len(), 3);
    let names: Vec<&str> = failed[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["@timestamp", "status", "latency_ms", "@ptr"]);
    assert!(failed.iter().all(|row| row[1].1 == "502"));
    let counted = rows(&client, "/ecs/api", "filter @message like /time(out|d out)/ or status = 200 | stats count(*) as n, avg(latency_ms) by status, bin(1h)").await;
    let names: Vec<&str> = counted[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["status", "bin(1h)", "n", "avg(latency_ms)"]);
    let total: usize = counted.iter().map(|row| row[2].1.parse::<usize>().unwrap()).sum();
    assert!((239..=241).contains(&total), "{counted:?}");
    let parsed = rows(&client, "/aws/rds/instance/orders-db/postgresql", "filter @message not like \"FATAL\" | parse @message \"duration: * ms  statement: * FROM\" as ms, verb | fields ms, verb | limit 1").await;
    assert_eq!(parsed[0][1], ("verb".to_owned(), "SELECT *".to_owned()));
    assert_eq!(rows(&client, "/ecs/api", "stats count(*)").await[0][0].0, "count(*)");
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_with_the_place() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.admin(DEVELOPMENT).logs;
    for (query, start, found) in [
        ("fields @timestamp | filtre x = 1", 20, "filtre"),
        ("filter status >", 15, "<EOF>"),
        ("filter status = \"open", 16, "\"open"),
        ("stats median(x)", 6, "median"),
        ("filter @message like /(/", 21, "("),
        ("limit many", 6, "many"),
    ] {
        let request = client.start_query().log_group_names("/ecs/api").query_string(query);
        let error = request.start_time(0).end_time(seconds()).send().await.unwrap_err();
        let (code, message) = failure(&error);
        assert_eq!(code, "MalformedQueryException");
        assert!(
            message.contains(&format!("found {found} at line 1 and position {}", start + 1)),
            "{message}"
        );
        let error = error.into_service_error();
        let aws_sdk_cloudwatchlogs::operation::start_query::StartQueryError::MalformedQueryException(error) = error
        else {
            panic!("{error:?}");
        };
        let location = error.query_compile_error().unwrap().location().unwrap();
        assert_eq!(location.start_char_offset(), Some(start), "{query}");
    }
}

#[tokio::test]
async fn a_query_is_stopped_once_and_too_many_are_refused() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.admin(DEVELOPMENT).logs;
    let start = || {
        let request = client
            .start_query()
            .log_group_names("/aws/vpc/flow-logs")
            .query_string("fields @message");
        request.start_time(0).end_time(seconds()).send()
    };
    let id = start().await.unwrap().query_id.unwrap();
    for _ in 0..4 {
        let results = client.get_query_results().query_id(&id).send().await.unwrap();
        assert_eq!(results.status(), Some(&QueryStatus::Running));
        assert!(results.statistics().unwrap().bytes_scanned > 1e9);
    }
    assert!(client.stop_query().query_id(&id).send().await.unwrap().success());
    let error = client.stop_query().query_id(&id).send().await.unwrap_err();
    assert_eq!(failure(&error).0, "InvalidParameterException");
    let results = client.get_query_results().query_id(&id).send().await.unwrap();
    assert_eq!(results.status(), Some(&QueryStatus::Cancelled));
    let foreign = sandbox.admin(STAGING).logs;
    let error = foreign.get_query_results().query_id(&id).send().await.unwrap_err();
    assert_eq!(failure(&error).0, "ResourceNotFoundException");
    for _ in 0..100 {
        start().await.unwrap();
    }
    assert_eq!(failure(&start().await.unwrap_err()).0, "LimitExceededException");
}

#[tokio::test]
async fn groups_and_events_come_by_pages() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.target(STAGING).await.logs;
    let first = client.describe_log_groups().send().await.unwrap();
    assert_eq!(first.log_groups().len(), 50);
    let rest = client
        .describe_log_groups()
        .set_next_token(first.next_token)
        .send()
        .await
        .unwrap();
    assert_eq!((rest.log_groups().len(), rest.next_token()), (14, None));
    let error = client.describe_log_groups().limit(51).send().await.unwrap_err();
    assert_eq!(failure(&error).0, "InvalidParameterException");
    let request = client
        .filter_log_events()
        .log_group_name("/ecs/api")
        .start_time((seconds() - 3600) * 1000);
    let whole = request.clone().send().await.unwrap();
    let half = request.clone().limit(60).send().await.unwrap();
    assert!(whole.events().len() > 110 && half.events().len() == 60 && half.next_token().is_some());
    let newest = request.start_from_head(false).send().await.unwrap();
    assert!(newest.events()[0].timestamp() > whole.events()[0].timestamp());
}

#[tokio::test]
async fn patterns_have_terms_phrases_and_what_must_be_absent() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.target(PRODUCTION).await.logs;
    let count = async |pattern: &str| {
        let request = client
            .filter_log_events()
            .log_group_name("/ecs/api")
            .filter_pattern(pattern);
        let events = request
            .start_time((seconds() - 7200) * 1000)
            .send()
            .await
            .unwrap()
            .events
            .unwrap();
        events.len()
    };
    let (all, failed, fine) = (
        count("").await,
        count("\"upstream timeout\"").await,
        count("-\"upstream timeout\"").await,
    );
    assert!(
        failed > 5 && fine > 100 && failed + fine == all,
        "{all} {failed} {fine}"
    );
    assert_eq!(count("?error ?info").await, all);
    assert_eq!(count("orders nowhere").await, 0);
    let request = client
        .filter_log_events()
        .log_group_name("/ecs/api")
        .filter_pattern("a$b");
    assert_eq!(
        failure(&request.send().await.unwrap_err()).0,
        "InvalidParameterException"
    );
    let request = client.filter_log_events().log_group_name("/no/such/group");
    assert_eq!(
        failure(&request.send().await.unwrap_err()).0,
        "ResourceNotFoundException"
    );
}
