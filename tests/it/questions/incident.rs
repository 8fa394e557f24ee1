//! What is asked while something is broken.

use serde_json::{Value, json};

use super::{Session, of};
use crate::support::{text, texts};

#[tokio::test]
async fn which_alarms_are_firing() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let body = session.ask("describe_alarms", json!({ "accounts": ["all"] })).await;
    let firing = |account: &str| texts(of(&body, account)["alarms"].as_array().unwrap(), "name");
    assert_eq!(firing("production"), ["prod-checkout-outage", "prod-api-5xx-rate"]);
    assert_eq!(firing("staging"), ["staging-web-1-disk"]);
    let alarm = &of(&body, "production")["alarms"][1];
    assert!(text(alarm, "since").ends_with("min ago)"), "{alarm}");
    assert_eq!(
        text(alarm, "threshold"),
        "Sum HTTPCode_Target_5XX_Count > 25 for 3 of 3 × 1 min"
    );
}

/// From the alarm to the change before it, in three calls: the metric says when it began, CloudTrail what was done until then.
#[tokio::test]
async fn since_when_does_the_api_fail_and_what_was_changed_before() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let alarms = session
        .ask(
            "describe_alarms",
            json!({ "account": "production", "alarm_name_prefix": "prod-api" }),
        )
        .await;
    let alarm = &alarms["data"]["alarms"][0];
    let (namespace, metric) = text(alarm, "metric").split_once(' ').unwrap();
    let asked = json!({
        "account": "production", "namespace": namespace, "metric_name": metric, "dimensions": alarm["dimensions"],
        "statistic": "Sum", "period": 60, "since": "1h",
    });
    let data = session.ask("get_metric_data", asked).await;
    let series = &data["data"]["series"][0];
    let value = |name: &str| {
        series[name][1]
            .as_f64()
            .unwrap_or_else(|| panic!("no {name} in {series}"))
    };
    assert!(
        value("max") > 25.0 && value("min") < 25.0,
        "it began in this hour: {series}"
    );
    let events = session
        .ask("lookup_events", json!({ "account": "production", "since": "1h" }))
        .await;
    let who = texts(events["data"]["events"].as_array().unwrap(), "who");
    assert!(
        who.contains(&"github-actions-4711".to_owned()),
        "the deployment: {events}"
    );
}

#[tokio::test]
async fn what_changed_in_production_in_the_last_hour_and_by_whom() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({ "account": "production", "since": "1h" });
    let body = session.ask("lookup_events", asked).await;
    let data = &body["data"];
    assert_eq!(data["by_user"]["maria@acme.example"], json!(2), "{data}");
    let events = data["events"].as_array().unwrap();
    let changed = |event: &Value| (text(event, "who").to_owned(), text(event, "event").to_owned());
    let all: Vec<_> = events.iter().map(changed).collect();
    let maria = |event: &str| ("maria@acme.example".to_owned(), event.to_owned());
    assert!(
        all.contains(&maria("AuthorizeSecurityGroupIngress")) && all.contains(&maria("UpdateSecret")),
        "{all:?}"
    );
    let refused = events.iter().find(|e| e["event"] == "DeleteDBInstance").unwrap();
    assert!(
        text(refused, "error").starts_with("AccessDenied"),
        "what was tried in vain: {refused}"
    );
    assert!(events.iter().all(|e| text(e, "time").contains(" ago)")), "{data}");
}

#[tokio::test]
async fn which_errors_do_the_services_log_in_any_account() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({
        "accounts": ["all"], "log_group_names": ["/ecs/api"], "since": "1h",
        "query": "filter @message like /\"level\":\"error\"/ | stats count(*) as errors by path",
    });
    let body = session.ask("query_logs", asked).await;
    let rows = body["rows"].as_array().unwrap();
    let production = rows.iter().filter(|r| r["account"] == "production");
    let errors: usize = production.map(|r| text(r, "errors").parse::<usize>().unwrap()).sum();
    assert!(errors > 0, "{body}");
    assert!(
        text(of(&body, "production"), "bytes_scanned").ends_with("bytes)"),
        "what it cost: {body}"
    );
}
