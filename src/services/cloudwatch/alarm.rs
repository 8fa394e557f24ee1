//! Alarms as somebody on call reads them.

use std::{collections::BTreeMap, time::SystemTime};

use aws_sdk_cloudwatch::{
    Client,
    types::{
        AlarmHistoryItem, AlarmType, ComparisonOperator, CompositeAlarm, Dimension, HistoryItemType, LogAlarm,
        MetricAlarm, MetricDataQuery, StateValue,
    },
};
use aws_smithy_types::DateTime;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated, moment};

/// Arguments of `describe_alarms`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeAlarms {
    /// Default ALARM
    state: Option<AlarmState>,
    alarm_name_prefix: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Which alarms.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
enum AlarmState {
    #[serde(rename = "ALARM")]
    Alarm,
    #[serde(rename = "OK")]
    Ok,
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
    #[serde(rename = "any")]
    Any,
}

/// Answer of `describe_alarms`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AlarmList {
    /// How many of the alarms below are in each state
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_state: BTreeMap<String, usize>,
    alarms: Vec<Alarm>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One alarm.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Alarm {
    name: String,
    state: String,
    /// In this state since
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Namespace and name, or an expression
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dimensions: BTreeMap<String, String>,
    /// When it fires, such as Average CPUUtilization > 80 for 3 of 3 × 5 min
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    /// A composite alarm's rule
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Whether it tells anybody
    actions_enabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarm_actions: Vec<String>,
    /// The alarm that keeps its actions back
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressed_by: Option<String>,
}

/// Arguments of `describe_alarm_history`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeAlarmHistory {
    alarm_name: Option<String>,
    /// StateUpdate, Action or ConfigurationUpdate
    history_item_type: Option<String>,
    /// 6h or ISO 8601; default 1d
    since: Option<String>,
    until: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `describe_alarm_history`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AlarmHistory {
    /// How many of the items below are of each kind
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_type: BTreeMap<String, usize>,
    items: Vec<HistoryItem>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Something that happened to an alarm.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct HistoryItem {
    alarm: String,
    time: String,
    #[serde(rename = "type")]
    kind: String,
    summary: String,
    /// Why the state changed
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Without being told so, AWS speaks of metric alarms only.
const TYPES: [AlarmType; 3] = [AlarmType::CompositeAlarm, AlarmType::MetricAlarm, AlarmType::LogAlarm];

pub(super) async fn describe(ops: &Ops, client: &Client, input: DescribeAlarms) -> Result<AlarmList, OpError> {
    let state = match input.state.unwrap_or(AlarmState::Alarm) {
        AlarmState::Alarm => Some(StateValue::Alarm),
        AlarmState::Ok => Some(StateValue::Ok),
        AlarmState::InsufficientData => Some(StateValue::InsufficientData),
        AlarmState::Any => None,
    };
    let now = ops.now();
    let page = |token, size| {
        let request = client
            .describe_alarms()
            .set_alarm_types(Some(TYPES.to_vec()))
            .set_state_value(state.clone())
            .set_alarm_name_prefix(input.alarm_name_prefix.clone());
        async move {
            let answer = request.max_records(size).set_next_token(token).send().await?;
            let composite = answer.composite_alarms.unwrap_or_default().into_iter();
            let metric = answer.metric_alarms.unwrap_or_default().into_iter();
            let log = answer.log_alarms.unwrap_or_default().into_iter();
            let items = composite.map(|a| composite_alarm(a, now));
            let items = items.chain(metric.map(|a| metric_alarm(a, now)));
            Ok(Page {
                items: items.chain(log.map(|a| log_alarm(a, now))).collect(),
                next: answer.next_token,
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token);
    let Page { items, next } = pager.collect(100, page).await?;
    Ok(AlarmList {
        by_state: count(items.iter().map(|a: &Alarm| &a.state)),
        alarms: items,
        next_token: next,
    })
}

pub(super) async fn history(ops: &Ops, client: &Client, input: DescribeAlarmHistory) -> Result<AlarmHistory, OpError> {
    let now = ops.now();
    let since = moment(input.since.as_deref().unwrap_or("1d"), now)?;
    let until = input.until.as_deref().map(|t| moment(t, now)).transpose()?;
    let kind = input.history_item_type.as_deref().map(HistoryItemType::from);
    let page = |token, size| {
        let request = client
            .describe_alarm_history()
            .set_alarm_types(Some(TYPES.to_vec()))
            .set_alarm_name(input.alarm_name.clone())
            .set_history_item_type(kind.clone())
            .start_date(since)
            .set_end_date(until);
        async move {
            let answer = request.max_records(size).set_next_token(token).send().await?;
            let items = answer.alarm_history_items.unwrap_or_default().into_iter();
            Ok(Page {
                items: items.map(|item| history_item(item, now)).collect(),
                next: answer.next_token,
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token);
    let Page { items, next } = pager.collect(100, page).await?;
    Ok(AlarmHistory {
        by_type: count(items.iter().map(|i: &HistoryItem| &i.kind)),
        items,
        next_token: next,
    })
}

fn count<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, usize> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name.clone()).or_default() += 1;
        counts
    })
}

/// Dimensions as a map.
pub(super) fn dimensions(list: Option<Vec<Dimension>>) -> BTreeMap<String, String> {
    let pairs = list.unwrap_or_default().into_iter();
    pairs
        .filter_map(|d| Some((d.name?, d.value.unwrap_or_default())))
        .collect()
}

fn state(value: Option<&StateValue>) -> String {
    value.map_or_else(String::new, |v| v.as_str().to_owned())
}

fn some(text: Option<String>) -> Option<String> {
    text.filter(|t| !t.is_empty())
}

fn composite_alarm(alarm: CompositeAlarm, now: SystemTime) -> Alarm {
    let since: Option<DateTime> = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp);
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        state: state(alarm.state_value.as_ref()),
        since: since.map(|t| dated(&t, now)),
        reason: some(alarm.state_reason),
        description: some(alarm.alarm_description),
        rule: alarm.alarm_rule,
        actions_enabled: alarm.actions_enabled.unwrap_or_default(),
        alarm_actions: alarm.alarm_actions.unwrap_or_default(),
        actions_suppressed_by: alarm.actions_suppressed_by.and(some(alarm.actions_suppressor)),
        ..Alarm::default()
    }
}

fn log_alarm(alarm: LogAlarm, now: SystemTime) -> Alarm {
    let since: Option<DateTime> = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp);
    let query = alarm.scheduled_query_configuration;
    let (of, out_of) = (
        alarm.query_results_to_alarm,
        alarm.query_results_to_evaluate.unwrap_or(1),
    );
    let limit = alarm.threshold.map(|t| format!(" {t}")).unwrap_or_default();
    let compared = alarm.comparison_operator.as_ref().map_or("crosses", sign);
    let aggregated = query
        .as_ref()
        .map(|q| q.aggregation_expression.clone())
        .unwrap_or_default();
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        state: state(alarm.state_value.as_ref()),
        since: since.map(|t| dated(&t, now)),
        reason: some(alarm.state_reason),
        description: some(alarm.alarm_description),
        threshold: Some(format!(
            "{} {compared}{limit} for {} of {out_of} queries",
            aggregated.as_deref().unwrap_or("the query's result"),
            of.unwrap_or(out_of)
        )),
        metric: query.and_then(|q| q.query_string),
        actions_enabled: alarm.actions_enabled.unwrap_or_default(),
        alarm_actions: alarm.alarm_actions.unwrap_or_default(),
        ..Alarm::default()
    }
}

fn metric_alarm(alarm: MetricAlarm, now: SystemTime) -> Alarm {
    let since = alarm.state_transitioned_timestamp.or(alarm.state_updated_timestamp);
    let threshold = threshold(&alarm);
    let queries = alarm.metrics.unwrap_or_default();
    let (metric, of) = match (
        alarm.metric_name,
        watched(&queries, alarm.threshold_metric_id.as_deref()),
    ) {
        (Some(name), _) => (Some(named(alarm.namespace, &name)), alarm.dimensions),
        (None, Some(query)) => match query.metric_stat.as_ref().and_then(|s| s.metric.as_ref()) {
            Some(metric) => {
                let name = metric.metric_name.clone().unwrap_or_default();
                (Some(named(metric.namespace.clone(), &name)), metric.dimensions.clone())
            }
            None => (query.expression.clone(), None),
        },
        (None, None) => (None, None),
    };
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        state: state(alarm.state_value.as_ref()),
        since: since.map(|t| dated(&t, now)),
        reason: some(alarm.state_reason),
        description: some(alarm.alarm_description),
        metric,
        dimensions: dimensions(of),
        threshold,
        actions_enabled: alarm.actions_enabled.unwrap_or_default(),
        alarm_actions: alarm.alarm_actions.unwrap_or_default(),
        ..Alarm::default()
    }
}

fn named(namespace: Option<String>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |space| format!("{space} {name}"))
}

/// The one of an alarm's queries that is compared, and not the band that it is compared with.
fn watched<'a>(queries: &'a [MetricDataQuery], band: Option<&str>) -> Option<&'a MetricDataQuery> {
    let shown = |q: &&MetricDataQuery| q.return_data != Some(false) && (band.is_none() || q.id.as_deref() != band);
    queries.iter().find(shown)
}

fn threshold(alarm: &MetricAlarm) -> Option<String> {
    let queries = alarm.metrics.as_deref().unwrap_or_default();
    let query = watched(queries, alarm.threshold_metric_id.as_deref());
    let stat = query.and_then(|q| q.metric_stat.as_ref());
    let what = match (&alarm.metric_name, query) {
        (Some(name), _) => {
            let extended = alarm.extended_statistic.as_deref();
            let statistic = alarm
                .statistic
                .as_ref()
                .map(|s| s.as_str())
                .or(extended)
                .unwrap_or("Average");
            format!("{statistic} {name}")
        }
        (None, Some(query)) => {
            match stat.and_then(|s| Some((s.stat.clone()?, s.metric.as_ref()?.metric_name.clone()?))) {
                Some((statistic, name)) => format!("{statistic} {name}"),
                None => query.label.clone().or_else(|| query.expression.clone())?,
            }
        }
        (None, None) => return None,
    };
    let operator = alarm.comparison_operator.as_ref();
    let compared = match (operator.map_or("crosses", sign), alarm.threshold) {
        (sign, Some(threshold)) => format!("{sign} {threshold}"),
        (sign, None) => sign.to_owned(),
    };
    let periods = alarm.evaluation_periods?;
    let of = alarm.datapoints_to_alarm.unwrap_or(periods);
    let math = queries.iter().find_map(|q| q.period.or(q.metric_stat.as_ref()?.period));
    let period = alarm.period.or(math).unwrap_or(60);
    let missing = match alarm.treat_missing_data.as_deref() {
        Some("breaching") => "; no data counts as above it",
        Some("notBreaching") => "; no data counts as fine",
        _ => "",
    };
    Some(format!(
        "{what} {compared} for {of} of {periods} × {}{missing}",
        span(period)
    ))
}

fn sign(operator: &ComparisonOperator) -> &'static str {
    match operator {
        ComparisonOperator::GreaterThanThreshold => ">",
        ComparisonOperator::GreaterThanOrEqualToThreshold => "≥",
        ComparisonOperator::LessThanThreshold => "<",
        ComparisonOperator::LessThanOrEqualToThreshold => "≤",
        ComparisonOperator::GreaterThanUpperThreshold => "above its usual band",
        ComparisonOperator::LessThanLowerThreshold => "below its usual band",
        ComparisonOperator::LessThanLowerOrGreaterThanUpperThreshold => "outside its usual band",
        _ => "crosses",
    }
}

/// A period: `30 s`, `5 min`, `1 h`, `1 d`.
pub(super) fn span(seconds: i32) -> String {
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] {
        if seconds >= unit && seconds % unit == 0 {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}

fn history_item(item: AlarmHistoryItem, now: SystemTime) -> HistoryItem {
    let data: Option<serde_json::Value> = item.history_data.and_then(|d| serde_json::from_str(&d).ok());
    let reason = data.as_ref().and_then(|d| d.pointer("/newState/stateReason")?.as_str());
    HistoryItem {
        alarm: item.alarm_name.unwrap_or_default(),
        time: item.timestamp.map(|t| dated(&t, now)).unwrap_or_default(),
        kind: item
            .history_item_type
            .map(|k| k.as_str().to_owned())
            .unwrap_or_default(),
        summary: item.history_summary.unwrap_or_default(),
        reason: some(reason.map(str::to_owned)),
    }
}
