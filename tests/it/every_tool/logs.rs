//! CloudWatch Logs.

use serde_json::{Value, json};

use super::Step;

const QUERY: &[&str] = &["logs:StartQuery", "logs:GetQueryResults"];

pub(crate) fn steps() -> Vec<Step> {
    let query = |group: &str, query: &str| json!({ "log_group_names": [group], "query": query });
    let prefix = json!({ "log_group_name_prefix": "/ecs/", "query": "stats count(*)" });
    let look = |group: &str| -> Value { json!({ "log_group_name": group }) };
    vec![
        Step::new("describe_log_groups", json!({}), &["logs:DescribeLogGroups"], "ok"),
        // It stops queries that nobody waits for.
        Step::new("query_logs", query("/ecs/api", "fields @message"), QUERY, "ok").besides(&["logs:StopQuery"]),
        Step::new(
            "query_logs",
            prefix,
            &["logs:DescribeLogGroups", "logs:StartQuery", "logs:GetQueryResults"],
            "ok",
        ),
        Step::new(
            "query_logs",
            query("/ecs/api", "filtre x"),
            &["logs:StartQuery"],
            "invalid_input",
        )
        .only_here("it takes whatever it does not understand"),
        Step::new(
            "query_logs",
            query("/no/such", "limit 1"),
            &["logs:StartQuery"],
            "not_found",
        ),
        Step::new("query_logs", json!({ "query": "limit 1" }), &[], "invalid_input"),
        Step::new("filter_log_events", look("/ecs/api"), &["logs:FilterLogEvents"], "ok")
            .unpaged("it gives no token for the rest"),
        Step::new(
            "filter_log_events",
            look("/no/such"),
            &["logs:FilterLogEvents"],
            "not_found",
        ),
    ]
}
