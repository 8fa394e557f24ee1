//! Metrics' values.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    Client,
    types::{
        Dimension, DimensionFilter, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, Statistic,
        StatusCode,
    },
};
use aws_smithy_types::DateTime;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, dated, iso, moment};

use super::{
    alarm::span,
    series::{Point, Series},
};

/// How many points a period that nobody chose makes at most.
const POINTS: i64 = 180;
/// How many points a series may have: beyond, nobody learns more from them.
const MOST_POINTS: i64 = 20_000;
/// How many points of all series together are read: a search finds up to 500 series, and what is beyond has no room in memory for many calls.
const MOST_TOGETHER: usize = 500_000;
const DAY: i64 = 86_400;

/// Arguments of `get_metric_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetMetricData {
    namespace: Option<String>,
    metric_name: Option<String>,
    /// All that the metric has
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    /// Average (default), Sum, Minimum, Maximum, p99
    statistic: Option<String>,
    /// Math on the metric, m1, or SEARCH('{AWS/ECS,ClusterName,ServiceName} MetricName="CPUUtilization"', 'Average', 300)
    expression: Option<String>,
    /// Seconds; by default it fits the time
    period: Option<i32>,
    /// 6h or ISO 8601; default 3h
    since: Option<String>,
    until: Option<String>,
}

/// Answer of `get_metric_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MetricData {
    since: String,
    until: String,
    period: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<String>,
    /// What AWS or this tool has to say of it
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
    series: Vec<Series>,
}

/// The time asked for, and in what steps.
struct Window {
    since: DateTime,
    until: DateTime,
    period: i32,
}

/// A series whose pages are still coming.
struct Part {
    id: String,
    label: String,
    points: Vec<Point>,
    note: Option<String>,
}

pub(super) async fn get(ops: &Ops, client: &Client, input: GetMetricData) -> Result<MetricData, OpError> {
    let window = window(ops, &input)?;
    let metric = metric(&input)?;
    let statistic = input.statistic.unwrap_or_else(|| "Average".to_owned());
    let mut queries = Vec::new();
    if let Some(metric) = &metric {
        let stat = MetricStat::builder()
            .metric(metric.clone())
            .period(window.period)
            .stat(&statistic);
        queries.push(MetricDataQuery::builder().id("m1").metric_stat(stat.build()).build());
    }
    if let Some(expression) = &input.expression {
        let query = MetricDataQuery::builder()
            .id("e1")
            .expression(expression)
            .period(window.period);
        queries.push(query.build());
    }
    if queries.is_empty() {
        return Err(OpError::InvalidInput(
            "give namespace and metric_name, or an expression; list_metrics shows what exists".to_owned(),
        ));
    }
    let (collected, unit) = futures::future::try_join(collect(client, queries, &window), async {
        match &metric {
            Some(metric) => unit(client, metric, &window).await,
            None => Ok(None),
        }
    })
    .await?;
    let (parts, mut messages) = collected;
    let all = parts.len();
    let mut series = Vec::with_capacity(all);
    for part in parts {
        let unit = unit.clone().filter(|_| part.id == "m1");
        let mut one = Series::new(part.label, unit, part.points, all);
        one.note = part.note;
        if let (true, Some(metric), "m1") = (one.is_empty(), &metric, part.id.as_str()) {
            one.note = Some(why_empty(client, metric, &window).await?);
        } else if one.is_empty() && one.note.is_none() {
            one.note = Some("no data points in this time".to_owned());
        }
        series.push(one);
    }
    if series.is_empty() {
        messages.push(
            "the expression found no metric: SEARCH wants the namespace and exactly the names of the metrics' dimensions \
             in braces; list_metrics shows them"
                .to_owned(),
        );
    }
    Ok(MetricData {
        since: dated(&window.since, ops.now()),
        until: dated(&window.until, ops.now()),
        period: span(window.period),
        statistic: metric.map(|_| statistic),
        messages,
        series,
    })
}

fn window(ops: &Ops, input: &GetMetricData) -> Result<Window, OpError> {
    let now = ops.now();
    let since = moment(input.since.as_deref().unwrap_or("3h"), now)?;
    let until = moment(input.until.as_deref().unwrap_or("now"), now)?;
    let range = until.secs() - since.secs();
    if range <= 0 {
        return Err(OpError::InvalidInput(format!(
            "since ({}) is not before until ({})",
            iso(&since),
            iso(&until)
        )));
    }
    let age = DateTime::from(now).secs() - since.secs();
    let period = input.period.unwrap_or_else(|| period(range, age));
    if !(matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0)) {
        return Err(OpError::InvalidInput(format!(
            "period is {period}; AWS allows 1, 5, 10, 20, 30 and multiples of 60 (seconds)"
        )));
    }
    if range / i64::from(period) > MOST_POINTS {
        return Err(OpError::InvalidInput(format!(
            "a period of {period} s makes {} points of this time; at most {MOST_POINTS} are read: choose a longer period",
            range / i64::from(period)
        )));
    }
    Ok(Window { since, until, period })
}

/// The finest period that keeps a series short, and that AWS still has for data so old: a minute for 15 days, five for 63.
fn period(range: i64, age: i64) -> i32 {
    let kept = match age {
        a if a > 63 * DAY => 3600,
        a if a > 15 * DAY => 300,
        _ => 60,
    };
    let periods = [60, 300, 900, 3600, 21_600];
    let fits = |p: &i32| *p >= kept && range / i64::from(*p) <= POINTS;
    periods.into_iter().find(fits).unwrap_or(86_400)
}

fn metric(input: &GetMetricData) -> Result<Option<Metric>, OpError> {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    match (&input.namespace, &input.metric_name) {
        (Some(namespace), Some(name)) => Ok(Some(
            Metric::builder()
                .namespace(namespace)
                .metric_name(name)
                .set_dimensions(Some(input.dimensions.iter().map(dimension).collect()))
                .build(),
        )),
        (None, None) if input.dimensions.is_empty() => Ok(None),
        _ => Err(OpError::InvalidInput(
            "namespace and metric_name go together, with all of the metric's dimensions".to_owned(),
        )),
    }
}

async fn collect(
    client: &Client,
    queries: Vec<MetricDataQuery>,
    window: &Window,
) -> Result<(Vec<Part>, Vec<String>), OpError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut messages = Vec::new();
    let mut token = None;
    loop {
        let request = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(window.since)
            .end_time(window.until)
            .scan_by(ScanBy::TimestampAscending);
        let answer = request.set_next_token(token.clone()).send().await?;
        for result in answer.metric_data_results.unwrap_or_default() {
            add(&mut parts, result);
        }
        messages.extend(answer.messages.unwrap_or_default().into_iter().filter_map(|m| m.value));
        let read: usize = parts.iter().map(|part| part.points.len()).sum();
        match answer.next_token {
            None => return Ok((parts, messages)),
            Some(_) if read >= MOST_TOGETHER => {
                messages.push(format!(
                    "only the first {read} points were read, so that series may lack their ends or be missing: choose a longer period, less time or fewer metrics"
                ));
                return Ok((parts, messages));
            }
            next if next == token => return Err(OpError::internal("AWS sent the same page token twice")),
            next => token = next,
        }
    }
}

/// A series may come in parts; those of a search have their label alone to tell them apart.
fn add(parts: &mut Vec<Part>, result: MetricDataResult) {
    let (id, label) = (result.id.unwrap_or_default(), result.label.unwrap_or_default());
    let times = result.timestamps.unwrap_or_default().into_iter();
    let points = times.zip(result.values.unwrap_or_default()).map(|(t, v)| Point(t, v));
    let words = result.messages.unwrap_or_default().into_iter().filter_map(|m| m.value);
    let note = match result.status_code {
        Some(StatusCode::InternalError) => Some("AWS failed to read this series (InternalError): ask again".to_owned()),
        Some(StatusCode::Forbidden) => Some("the role may not read this series (Forbidden)".to_owned()),
        _ => words.reduce(|all, one| format!("{all}; {one}")),
    };
    match parts.iter_mut().find(|p| p.id == id && p.label == label) {
        Some(part) => {
            part.points.extend(points);
            part.note = part.note.take().or(note);
        }
        None => parts.push(Part {
            id,
            label,
            points: points.collect(),
            note,
        }),
    }
}

/// GetMetricData gives numbers without their unit; GetMetricStatistics has it.
async fn unit(client: &Client, metric: &Metric, window: &Window) -> Result<Option<String>, OpError> {
    let range = window.until.secs() - window.since.secs();
    let period = i32::try_from((range / 500).div_euclid(3600) * 3600 + 3600).unwrap_or(i32::MAX);
    let answer = client
        .get_metric_statistics()
        .set_namespace(metric.namespace.clone())
        .set_metric_name(metric.metric_name.clone())
        .set_dimensions(metric.dimensions.clone())
        .start_time(window.since)
        .end_time(window.until)
        .period(period)
        .statistics(Statistic::SampleCount)
        .send()
        .await?;
    let mut units: Vec<String> = answer
        .datapoints
        .unwrap_or_default()
        .into_iter()
        .filter_map(|point| Some(point.unit?.as_str().to_owned()))
        .filter(|unit| unit != "None")
        .collect();
    units.sort();
    units.dedup();
    Ok(Some(units.join(", ")).filter(|u| !u.is_empty()))
}

/// Whether such a metric exists at all, since a dimension too few is the usual reason.
async fn why_empty(client: &Client, metric: &Metric, window: &Window) -> Result<String, OpError> {
    let named = client
        .list_metrics()
        .set_namespace(metric.namespace.clone())
        .set_metric_name(metric.metric_name.clone());
    let wanted = metric.dimensions.clone().unwrap_or_default();
    let filter = |d: &Dimension| {
        DimensionFilter::builder()
            .set_name(d.name.clone())
            .set_value(d.value.clone())
            .build()
    };
    let filters: Vec<DimensionFilter> = wanted.iter().map(filter).collect();
    let found = named
        .set_dimensions((!filters.is_empty()).then_some(filters))
        .send()
        .await?;
    let found = found.metrics.unwrap_or_default();
    let names = |list: &[Dimension]| {
        list.iter()
            .filter_map(|d| d.name.clone())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let exact = found
        .iter()
        .any(|m| m.dimensions.as_ref().map_or(0, Vec::len) == wanted.len());
    Ok(match found.first() {
        _ if exact => format!(
            "the metric exists, but has no data points in this time: nothing was reported, or it reports more rarely than every {}",
            span(window.period)
        ),
        Some(other) => format!(
            "no metric has exactly these dimensions: those of this name have {}, and all of them must be given (list_metrics shows them)",
            names(other.dimensions.as_deref().unwrap_or_default())
        ),
        None => "no such metric had data in the last two weeks: check namespace, name, dimensions and region with list_metrics"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_fits_the_time_and_its_age() {
        for (range, age, expected) in [
            (3600, 3600, 60),
            (3 * 3600, 3 * 3600, 60),
            (DAY, DAY, 900),
            (7 * DAY, 7 * DAY, 3600),
            (30 * DAY, 30 * DAY, 21_600),
            (400 * DAY, 400 * DAY, 86_400),
            (3600, 20 * DAY, 300),
            (3600, 100 * DAY, 3600),
        ] {
            assert_eq!(period(range, age), expected, "{range} {age}");
        }
    }
}
