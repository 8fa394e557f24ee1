//! CloudWatch: alarms that have a past, and metrics that are functions of the time.

use std::time::{SystemTime, UNIX_EPOCH};

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{authorise::Check, value::text};

mod alarms;
mod data;
mod expression;
mod metrics;

pub(super) struct CloudWatch {
    /// When the sandbox was built, in seconds: what is wrong in it began a little before.
    began: i64,
}

impl Default for CloudWatch {
    fn default() -> Self {
        Self { began: now() }
    }
}

impl CloudWatch {
    /// Only alarms are resources, and all composite alarms at once: "you must be signed on with the cloudwatch:DescribeAlarms
    /// permission that is scoped to *" (DescribeAlarms).
    pub(super) fn checks(&self, operation: &str, _: &Value, _: &RequestContext) -> Vec<Check> {
        vec![Check::new(format!("cloudwatch:{operation}"), "*")]
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let (account, region) = (context.account_id.as_str(), context.region.as_str());
        match operation {
            "DescribeAlarms" => alarms::describe(account, region, self.began, input),
            "DescribeAlarmHistory" => alarms::history(account, region, self.began, input),
            "ListMetrics" => metrics::list(account, region, input),
            "GetMetricData" => data::get(account, region, self.began, input),
            "GetMetricStatistics" => data::statistics(account, region, self.began, input),
            _ => {
                let text = format!("Unknown operation: {operation}");
                Err(AwsError::bad_request("UnknownOperationException", text))
            }
        }
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// A page from the place that its token says, and the next one's token.
fn page<T>(mut items: Vec<T>, size: usize, input: &Value, code: &str) -> Result<(Vec<T>, Option<String>), AwsError> {
    let from = match text(input, "NextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("at-")
            .and_then(|at| at.parse().ok())
            .filter(|at| *at <= items.len())
            .ok_or_else(|| AwsError::bad_request(code, "Invalid nextToken"))?,
    };
    let rest = items.split_off(from);
    let next = (rest.len() > size).then(|| format!("at-{}", from + size));
    Ok((rest.into_iter().take(size).collect(), next))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        super::value::set(&mut answer, "NextToken", next);
    }
    answer
}

/// How many a page may hold: 1 to 100, or all 100.
fn size(input: &Value) -> Result<usize, AwsError> {
    let asked = input.get("MaxRecords").map_or(Some(100), Value::as_u64);
    let valid = asked
        .filter(|n| (1..=100).contains(n))
        .and_then(|n| usize::try_from(n).ok());
    valid.ok_or_else(|| {
        AwsError::bad_request(
            "ValidationError",
            "1 validation error detected: Value at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to 100",
        )
    })
}

fn list<'a>(input: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    input.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn seconds(input: &Value, key: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a time in seconds")]
    input.get(key).and_then(Value::as_f64).map(|time| time as i64)
}

fn dimensions(pairs: &[(&'static str, String)]) -> Vec<Value> {
    pairs
        .iter()
        .map(|(name, value)| json!({ "Name": name, "Value": value }))
        .collect()
}

#[cfg(test)]
mod tests;
