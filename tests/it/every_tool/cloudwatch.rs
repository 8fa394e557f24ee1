//! CloudWatch.

use serde_json::json;

use super::Step;

/// It doesn't see which action a CBOR request is for, and lets it pass.
const UNASKED: &[&str] = &[
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics",
];

pub(crate) fn steps() -> Vec<Step> {
    let function = json!({ "FunctionName": "checkout" });
    let metric = json!({ "namespace": "AWS/Lambda", "metric_name": "Duration", "dimensions": function });
    // Two of the actions are only asked for where there is something to look up: a unit, and why there are no points.
    let empty = json!({ "namespace": "AWS/Lambda", "metric_name": "NoSuchMetric" });
    let search = "SEARCH('{AWS/Lambda,FunctionName} MetricName=\"Duration\"', 'Average', 300)";
    [
        Step::new("describe_alarms", json!({}), &["cloudwatch:DescribeAlarms"], "ok"),
        Step::new(
            "describe_alarm_history",
            json!({}),
            &["cloudwatch:DescribeAlarmHistory"],
            "ok",
        ),
        Step::new(
            "get_metric_data",
            metric,
            &["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"],
            "ok",
        ),
        Step::new(
            "get_metric_data",
            empty,
            &[
                "cloudwatch:GetMetricData",
                "cloudwatch:GetMetricStatistics",
                "cloudwatch:ListMetrics",
            ],
            "ok",
        ),
        Step::new(
            "get_metric_data",
            json!({ "expression": search }),
            &["cloudwatch:GetMetricData"],
            "ok",
        ),
        Step::new(
            "get_metric_data",
            json!({ "expression": "SEARCH(" }),
            &["cloudwatch:GetMetricData"],
            "invalid_input",
        )
        .only_here("it knows no expressions"),
        Step::new("get_metric_data", json!({}), &[], "invalid_input"),
        Step::new("list_metrics", json!({}), &["cloudwatch:ListMetrics"], "ok"),
    ]
    .map(|step| step.unasked(UNASKED))
    .into()
}
