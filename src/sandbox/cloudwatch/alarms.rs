//! Alarms, and what has happened to them.

use awsim_core::AwsError;
use serde_json::{Value, json};

use super::{list, page, seconds, size, with_token};
use crate::sandbox::{seed::cloudwatch::alarms, value::text};

pub(super) fn describe(account: &str, region: &str, began: i64, input: &Value) -> Result<Value, AwsError> {
    let state = text(input, "StateValue");
    if state.is_some_and(|s| !matches!(s, "OK" | "ALARM" | "INSUFFICIENT_DATA")) {
        let text = "1 validation error detected: Value at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]";
        return Err(AwsError::bad_request("ValidationError", text));
    }
    let names: Vec<&str> = list(input, "AlarmNames").filter_map(Value::as_str).collect();
    let prefix = text(input, "AlarmNamePrefix").unwrap_or_default();
    let mut found = alarms(account, region, began);
    found.retain(|alarm| {
        let name = text(alarm, "AlarmName").unwrap_or_default();
        wanted(alarm, input)
            && state.is_none_or(|state| text(alarm, "StateValue") == Some(state))
            && name.starts_with(prefix)
            && (names.is_empty() || names.contains(&name))
    });
    found.sort_by_key(|alarm| (!is_composite(alarm), text(alarm, "AlarmName").map(str::to_owned)));
    let (found, next) = page(found, size(input)?, input, "InvalidNextToken")?;
    let (composite, metric): (Vec<Value>, Vec<Value>) = found.into_iter().partition(is_composite);
    Ok(with_token(
        json!({ "CompositeAlarms": composite, "MetricAlarms": metric, "LogAlarms": [] }),
        next,
    ))
}

fn is_composite(alarm: &Value) -> bool {
    alarm.get("AlarmRule").is_some()
}

fn kind(alarm: &Value) -> &'static str {
    if is_composite(alarm) {
        "CompositeAlarm"
    } else {
        "MetricAlarm"
    }
}

/// "If you omit this parameter, only metric alarms are returned, even if composite alarms exist in the account."
fn wanted(alarm: &Value, input: &Value) -> bool {
    let mut types = list(input, "AlarmTypes").filter_map(Value::as_str).peekable();
    match types.peek() {
        None => !is_composite(alarm),
        Some(_) => types.any(|t| t == kind(alarm)),
    }
}

pub(super) fn history(account: &str, region: &str, began: i64, input: &Value) -> Result<Value, AwsError> {
    let name = text(input, "AlarmName");
    let item_type = text(input, "HistoryItemType");
    let (from, until) = (seconds(input, "StartDate"), seconds(input, "EndDate"));
    let mut items: Vec<Value> = alarms(account, region, began)
        .iter()
        .filter(|alarm| wanted(alarm, input) && name.is_none_or(|name| text(alarm, "AlarmName") == Some(name)))
        .flat_map(past)
        .filter(|item| item_type.is_none_or(|kind| text(item, "HistoryItemType") == Some(kind)))
        .filter(|item| {
            let at = seconds(item, "Timestamp").unwrap_or_default();
            from.is_none_or(|from| at >= from) && until.is_none_or(|until| at <= until)
        })
        .collect();
    items.sort_by_key(|item| std::cmp::Reverse(seconds(item, "Timestamp")));
    if text(input, "ScanBy") == Some("TimestampAscending") {
        items.reverse();
    }
    let (items, next) = page(items, size(input)?, input, "InvalidNextToken")?;
    Ok(with_token(json!({ "AlarmHistoryItems": items }), next))
}

/// Made long ago, it went off for ten minutes a day before it came to where it is now.
fn past(alarm: &Value) -> Vec<Value> {
    let get = |key: &str| text(alarm, key).unwrap_or_default();
    let since = seconds(alarm, "StateTransitionedTimestamp").unwrap_or_default();
    let (name, now, reason) = (get("AlarmName"), get("StateValue"), get("StateReason"));
    let item = |at: i64, kind: &str, summary: String, data: Value| {
        json!({
            "AlarmName": name, "AlarmType": self::kind(alarm), "Timestamp": at, "HistoryItemType": kind,
            "HistorySummary": summary, "HistoryData": data.to_string(),
        })
    };
    let turn = |at: i64, old: &str, new: &str, reason: &str| {
        let data = json!({
            "version": "1.0",
            "oldState": { "stateValue": old, "stateReason": "" },
            "newState": { "stateValue": new, "stateReason": reason },
        });
        item(at, "StateUpdate", format!("Alarm updated from {old} to {new}"), data)
    };
    let before = if now == "OK" { "ALARM" } else { "OK" };
    let other = if before == "OK" { "ALARM" } else { "OK" };
    let mut items = vec![
        item(
            since - 30 * 86_400,
            "ConfigurationUpdate",
            format!("Alarm \"{name}\" created"),
            json!({ "type": "Create" }),
        ),
        turn(since - 87_000, before, other, "Threshold Crossed"),
        turn(since - 86_400, other, before, "Threshold Crossed"),
        turn(since, before, now, reason),
    ];
    let topic = alarm
        .pointer("/AlarmActions/0")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if now == "ALARM" && alarm.get("ActionsEnabled") == Some(&json!(true)) {
        let summary = format!("Successfully executed action {topic}");
        items.push(item(
            since + 1,
            "Action",
            summary,
            json!({ "actionState": "Succeeded" }),
        ));
    }
    items
}
