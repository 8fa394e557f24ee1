//! Which metrics there are, and their values.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use awsim_core::AwsError;
use serde_json::{Value, json};

use super::{dimensions, list as listed, page, with_token};
use crate::sandbox::{
    seed::cloudwatch::{INCIDENT, Series, metrics},
    value::text,
};

pub(super) fn list(account: &str, region: &str, input: &Value) -> Result<Value, AwsError> {
    let recent = match text(input, "RecentlyActive") {
        None => false,
        Some("PT3H") => true,
        Some(other) => {
            let text = format!("The value {other} for parameter RecentlyActive is not supported.");
            return Err(AwsError::bad_request("InvalidParameterValue", text));
        }
    };
    let has = |series: &Series, filter: &Value| {
        series.dimensions.iter().any(|(name, value)| {
            text(filter, "Name") == Some(name) && text(filter, "Value").is_none_or(|wanted| wanted == value)
        })
    };
    let found: Vec<Value> = metrics(account, region)
        .iter()
        .filter(|s| text(input, "Namespace").is_none_or(|n| n == s.namespace))
        .filter(|s| text(input, "MetricName").is_none_or(|n| n == s.name))
        .filter(|s| listed(input, "Dimensions").all(|filter| has(s, filter)))
        .filter(|s| s.active || !recent)
        .map(|s| json!({ "Namespace": s.namespace, "MetricName": s.name, "Dimensions": dimensions(&s.dimensions) }))
        .collect();
    let (found, next) = page(found, 500, input, "InvalidParameterValue")?;
    Ok(with_token(json!({ "Metrics": found }), next))
}

/// The metric with exactly these dimensions.
pub(super) fn find(
    account: &str,
    region: &str,
    namespace: &str,
    name: &str,
    wanted: &[(String, String)],
) -> Option<Series> {
    metrics(account, region).into_iter().find(|s| {
        s.namespace == namespace
            && s.name == name
            && s.dimensions.len() == wanted.len()
            && s.dimensions
                .iter()
                .all(|(n, v)| wanted.iter().any(|(wn, wv)| wn == n && wv == v))
    })
}

impl Series {
    /// The value of a minute: higher by day than by night, a little noise, and what the incident adds.
    pub(super) fn value(&self, minute: i64, began: i64) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.namespace, self.name, &self.dimensions, minute).hash(&mut hasher);
        #[expect(clippy::cast_precision_loss, reason = "three digits")]
        let noise = (hasher.finish() % 1000) as f64 / 1000.0 - 0.5;
        #[expect(clippy::cast_precision_loss, reason = "a minute of a day")]
        let phase = (minute.rem_euclid(1440) as f64 / 1440.0 - 0.25) * std::f64::consts::TAU;
        let failing = minute * 60 >= began - INCIDENT - 180;
        let quiet = match self.unit {
            "Percent" => self.base * 0.06_f64.mul_add(phase.sin(), 1.0) + noise * 2.0,
            _ => self.base * (0.3_f64.mul_add(phase.sin(), 1.0) + noise * 0.3),
        };
        let value = quiet
            + if failing {
                self.incident * (1.0 + noise * 0.1)
            } else {
                0.0
            };
        let value = if matches!(self.unit, "Count" | "None") {
            value.round()
        } else {
            value
        };
        (value.max(0.0) * 1000.0).round() / 1000.0
    }
}
