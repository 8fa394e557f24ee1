use serde_json::{Value, json};

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops},
};

fn balancer(metric: &str) -> Value {
    json!({
        "namespace": "AWS/ApplicationELB", "metric_name": metric, "statistic": "Sum",
        "dimensions": { "LoadBalancer": "app/prod-api/50dc6c495c0c9188" },
    })
}

#[tokio::test]
async fn what_fires_is_said_with_since_when_and_why() {
    let ops = ops("production").await;
    let list = data(ops.describe_alarms(input(json!({}))).await).unwrap();
    assert_eq!(list["by_state"], json!({ "ALARM": 2 }));
    assert_eq!(list["alarms"][0]["name"], "prod-checkout-outage");
    assert!(list["alarms"][0]["rule"].as_str().unwrap().starts_with("ALARM("));
    let errors = &list["alarms"][1];
    assert!(
        errors["since"].as_str().unwrap().ends_with("Z (20 min ago)"),
        "{errors}"
    );
    assert_eq!(
        errors["threshold"],
        "Sum HTTPCode_Target_5XX_Count > 25 for 3 of 3 × 1 min"
    );
    assert_eq!(errors["metric"], "AWS/ApplicationELB HTTPCode_Target_5XX_Count");
    assert_eq!(
        errors["dimensions"],
        json!({ "LoadBalancer": "app/prod-api/50dc6c495c0c9188" })
    );
    assert!(
        errors["reason"]
            .as_str()
            .unwrap()
            .contains("3 out of the last 3 datapoints")
    );
    assert_eq!(errors["actions_enabled"], true);
    let any = data(ops.describe_alarms(input(json!({ "state": "any" }))).await).unwrap();
    assert_eq!(any["by_state"], json!({ "ALARM": 2, "INSUFFICIENT_DATA": 1, "OK": 2 }));
}

#[tokio::test]
async fn an_anomaly_alarm_names_what_it_watches() {
    let list = json!({ "alarm_name_prefix": "dev-queue" });
    let list = data(ops("development").await.describe_alarms(input(list)).await).unwrap();
    let alarm = &list["alarms"][0];
    assert_eq!(alarm["metric"], "AWS/SQS ApproximateNumberOfMessagesVisible");
    assert_eq!(alarm["dimensions"], json!({ "QueueName": "jobs" }));
    let expected = "Average ApproximateNumberOfMessagesVisible above its usual band for 2 of 2 × 5 min";
    assert_eq!(alarm["threshold"], expected);
}

#[tokio::test]
async fn a_metric_has_its_extremes_its_unit_and_its_points_in_order() {
    let ops = ops("production").await;
    let answer = data(ops.get_metric_data(input(balancer("HTTPCode_Target_5XX_Count"))).await).unwrap();
    assert_eq!(
        (&answer["period"], &answer["statistic"]),
        (&json!("1 min"), &json!("Sum"))
    );
    let series = &answer["series"][0];
    assert_eq!(
        (&series["label"], &series["unit"]),
        (&json!("HTTPCode_Target_5XX_Count"), &json!("Count"))
    );
    assert!(
        series["last"][1].as_f64().unwrap() > 25.0 && series["min"][1].as_f64().unwrap() < 10.0,
        "{series}"
    );
    assert!(series["count"].as_u64().unwrap() >= 178, "{series}");
    let times: Vec<&str> = series["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p[0].as_str().unwrap())
        .collect();
    assert!(times.len() <= 60 && times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn a_search_and_math_give_several_series() {
    let ops = ops("production").await;
    let search = "SEARCH('{CWAgent,host,path} MetricName=\"disk_used_percent\"', 'Maximum', 300)";
    let answer = data(ops.get_metric_data(input(json!({ "expression": search }))).await).unwrap();
    assert_eq!(answer["series"].as_array().unwrap().len(), 2, "{answer}");
    let mut both = balancer("RequestCount");
    both["expression"] = json!("m1 / 60");
    let answer = data(ops.get_metric_data(input(both)).await).unwrap();
    let last = |at: usize| answer["series"][at]["last"][1].as_f64().unwrap();
    assert!((last(0) / 60.0 - last(1)).abs() < 0.001, "{answer}");
}

#[tokio::test]
async fn an_empty_series_says_why() {
    let ops = ops("production").await;
    let mut forgotten = balancer("RequestCount");
    forgotten["dimensions"] = json!({});
    for (arguments, expected) in [
        (forgotten, "those of this name have LoadBalancer"),
        (balancer("NoSuchMetric"), "no such metric had data"),
        (
            json!({ "namespace": "Acme/Nightly", "metric_name": "RowsExported", "dimensions": { "Job": "ledger-export" } }),
            "the metric exists, but has no data points in this time",
        ),
    ] {
        let answer = data(ops.get_metric_data(input(arguments)).await).unwrap();
        let note = answer["series"][0]["note"].as_str().unwrap();
        assert!(note.contains(expected), "{note}");
    }
    let nothing = json!({ "expression": "SEARCH('{No/Such,Thing}', 'Sum', 60)" });
    let nothing = data(ops.get_metric_data(input(nothing)).await).unwrap();
    assert!(
        nothing["messages"][0].as_str().unwrap().contains("found no metric"),
        "{nothing}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_it_is_sent() {
    let ops = ops("production").await;
    for (extra, expected) in [
        (json!({ "since": "1h", "until": "2h" }), "is not before until"),
        (json!({ "period": 45 }), "multiples of 60"),
        (json!({ "period": 1, "since": "7d" }), "choose a longer period"),
        (json!({ "since": "yesterday" }), "is no time"),
        (json!({ "namespace": null }), "go together"),
    ] {
        let mut arguments = balancer("RequestCount");
        arguments
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let error = data(ops.get_metric_data(input(arguments)).await).unwrap_err();
        assert!(
            error.code() == ErrorCode::InvalidInput && error.to_string().contains(expected),
            "{error}"
        );
    }
    let wrong = json!({ "expression": "m1 / 60" });
    let error = data(ops.get_metric_data(input(wrong)).await).unwrap_err();
    assert!(
        error.to_string().contains("ValidationError: Error in expression 'e1'"),
        "{error}"
    );
}
