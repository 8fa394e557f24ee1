//! GetMetricData and GetMetricStatistics: the minutes of a period, as one number.

use awsim_core::AwsError;
use serde_json::{Value, json};

use super::{expression, list, metrics::find, now, page, seconds, with_token};
use crate::sandbox::{
    seed::cloudwatch::Series,
    value::{set, text},
};

/// The points of a metric or an expression, the oldest first.
#[derive(Clone, Default)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) points: Vec<(i64, f64)>,
}

/// What is asked of whom, and for when.
pub(super) struct Asked<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) began: i64,
    from: i64,
    until: i64,
}

const DAY: i64 = 86_400;

impl Asked<'_> {
    /// A metric's points. Old data are kept in coarser periods only: "Data points with a period of 60 seconds are available for 15
    /// days", of 300 for 63 days, of an hour for 455.
    pub(super) fn points(&self, series: &Series, period: i64, stat: &str) -> Vec<(i64, f64)> {
        let now = now();
        let oldest = match period {
            p if p % 3600 == 0 => now - 455 * DAY,
            p if p % 300 == 0 => now - 63 * DAY,
            _ => now - 15 * DAY,
        };
        if !series.active {
            return Vec::new();
        }
        let from = self.from.max(oldest).div_euclid(period) * period;
        let starts = (0..)
            .map(|n| from + n * period)
            .take_while(|at| *at < self.until.min(now - 60));
        let starts = starts.filter(|at| *at >= self.from.max(oldest).div_euclid(period) * period);
        starts
            .filter_map(|at| Some((at, self.point(series, at, period, stat, now)?)))
            .collect()
    }

    fn point(&self, series: &Series, at: i64, period: i64, stat: &str, now: i64) -> Option<f64> {
        let minutes = (at.div_euclid(60)..(at + period.max(60)).div_euclid(60)).filter(|m| m * 60 <= now - 60);
        // A week of minutes tells as much as all of them.
        let step = usize::try_from(period / 60 / 120).unwrap_or(0) + 1;
        let mut values: Vec<f64> = minutes.step_by(step).map(|m| series.value(m, self.began)).collect();
        values.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let step = step as f64;
        let value = match stat {
            "Average" => sum / count,
            "Sum" => sum * step,
            "Minimum" => *values.first()?,
            "Maximum" => *values.last()?,
            "SampleCount" => count * step,
            percentile => {
                let p: f64 = percentile.strip_prefix('p')?.parse().ok()?;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
                let at = ((count - 1.0) * p / 100.0).round() as usize;
                *values.get(at)?
            }
        };
        (!values.is_empty()).then_some((value * 1000.0).round() / 1000.0)
    }

    pub(super) fn series(&self, metric: &Value) -> Option<Series> {
        let pair = |d: &Value| Some((text(d, "Name")?.to_owned(), text(d, "Value")?.to_owned()));
        let dimensions: Vec<_> = list(metric, "Dimensions").filter_map(pair).collect();
        let get = |key| text(metric, key).unwrap_or_default();
        find(
            self.account,
            self.region,
            get("Namespace"),
            get("MetricName"),
            &dimensions,
        )
    }
}

pub(super) fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::bad_request("ValidationError", text.into())
}

fn asked<'a>(account: &'a str, region: &'a str, began: i64, input: &Value) -> Result<Asked<'a>, AwsError> {
    let time = |key| seconds(input, key).ok_or_else(|| invalid(format!("The parameter {key} is required.")));
    let (from, until) = (time("StartTime")?, time("EndTime")?);
    if from >= until {
        return Err(invalid(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    Ok(Asked {
        account,
        region,
        began,
        from,
        until,
    })
}

fn check(period: i64, stat: &str) -> Result<(), AwsError> {
    if !(matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0)) {
        return Err(invalid(
            "The parameter MetricDataQueries.member.1.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
        ));
    }
    let percentile = stat.strip_prefix('p').and_then(|p| p.parse::<f64>().ok());
    let known = matches!(stat, "Average" | "Sum" | "Minimum" | "Maximum" | "SampleCount");
    if !known && !percentile.is_some_and(|p| (0.0..=100.0).contains(&p)) {
        return Err(invalid(format!(
            "The value {stat} for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported."
        )));
    }
    Ok(())
}

pub(super) fn get(account: &str, region: &str, began: i64, input: &Value) -> Result<Value, AwsError> {
    let asked = asked(account, region, began, input)?;
    let queries: Vec<&Value> = list(input, "MetricDataQueries").collect();
    if queries.is_empty() {
        return Err(invalid("The parameter MetricDataQueries is required."));
    }
    let mut known: Vec<(String, Line)> = Vec::new();
    let mut results = Vec::new();
    for query in queries {
        let id = text(query, "Id").unwrap_or_default().to_owned();
        let lines = match (query.get("MetricStat"), text(query, "Expression")) {
            (Some(stat), None) => vec![line(&asked, stat)?],
            (None, Some(words)) => expression::lines(&asked, &id, words, &known)?,
            _ => {
                return Err(invalid(format!(
                    "Exactly one of MetricStat and Expression is required in {id}."
                )));
            }
        };
        let shown = query.get("ReturnData").and_then(Value::as_bool).unwrap_or(true);
        if let [one] = lines.as_slice() {
            known.push((id.clone(), one.clone()));
        }
        results.extend(lines.into_iter().filter(|_| shown).map(|mut line| {
            if let Some(label) = text(query, "Label") {
                label.clone_into(&mut line.label);
            }
            (id.clone(), line)
        }));
    }
    let newest_first = text(input, "ScanBy") != Some("TimestampAscending");
    answer(results, newest_first, input)
}

fn line(asked: &Asked<'_>, stat: &Value) -> Result<Line, AwsError> {
    let period = stat.get("Period").and_then(Value::as_i64).unwrap_or(60);
    let name = text(stat, "Stat").unwrap_or_default();
    check(period, name)?;
    let metric = stat.get("Metric").unwrap_or(&Value::Null);
    let unit = text(stat, "Unit");
    let series = asked.series(metric).filter(|s| unit.is_none_or(|u| u == s.unit));
    Ok(Line {
        label: text(metric, "MetricName").unwrap_or_default().to_owned(),
        points: series.map(|s| asked.points(&s, period, name)).unwrap_or_default(),
    })
}

/// The results, as many points as fit; a series that goes on is `PartialData`.
fn answer(results: Vec<(String, Line)>, newest_first: bool, input: &Value) -> Result<Value, AwsError> {
    let size = input
        .get("MaxDatapoints")
        .map_or(Some(100_800), Value::as_u64)
        .unwrap_or_default();
    let size = usize::try_from(size).ok().filter(|n| (1..=100_800).contains(n));
    let size = size.ok_or_else(|| invalid("The parameter MaxDatapoints must be between 1 and 100800."))?;
    let mut flat = Vec::new();
    for (at, (_, line)) in results.iter().enumerate() {
        let mut points = line.points.clone();
        if newest_first {
            points.reverse();
        }
        flat.extend(points.into_iter().map(|point| (at, point)));
    }
    let first = text(input, "NextToken").is_none();
    let (shown, next) = page(flat, size, input, "InvalidNextToken")?;
    let cut = next.as_ref().and_then(|_| shown.last().map(|(at, _)| *at));
    let mut answers = Vec::new();
    for (at, (id, line)) in results.into_iter().enumerate() {
        let points: Vec<(i64, f64)> = shown.iter().filter(|(of, _)| *of == at).map(|(_, p)| *p).collect();
        if points.is_empty() && !(first && line.points.is_empty()) {
            continue;
        }
        answers.push(json!({
            "Id": id, "Label": line.label,
            "Timestamps": points.iter().map(|p| p.0).collect::<Vec<_>>(),
            "Values": points.iter().map(|p| p.1).collect::<Vec<_>>(),
            "StatusCode": if cut == Some(at) { "PartialData" } else { "Complete" },
        }));
    }
    Ok(with_token(
        json!({ "MetricDataResults": answers, "Messages": [] }),
        next,
    ))
}

pub(super) fn statistics(account: &str, region: &str, began: i64, input: &Value) -> Result<Value, AwsError> {
    let asked = asked(account, region, began, input)?;
    let period = input.get("Period").and_then(Value::as_i64).unwrap_or(60);
    check(period, "Average")?;
    if (asked.until - asked.from) / period > 1440 {
        let text = "You have requested up to more datapoints than the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.";
        return Err(AwsError::bad_request("InvalidParameterCombination", text));
    }
    let series = asked.series(input);
    let mut points: Vec<Value> = Vec::new();
    for stat in list(input, "Statistics").filter_map(Value::as_str) {
        check(period, stat)?;
        let values = series
            .as_ref()
            .map(|s| asked.points(s, period, stat))
            .unwrap_or_default();
        points.resize_with(points.len().max(values.len()), || json!({}));
        for (point, (at, value)) in points.iter_mut().zip(values) {
            set(point, "Timestamp", at);
            set(point, stat, value);
            set(point, "Unit", series.as_ref().map_or("None", |s| s.unit));
        }
    }
    Ok(json!({ "Label": text(input, "MetricName"), "Datapoints": points }))
}
