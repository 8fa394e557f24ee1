//! A query from its start to its end: the first look at it finds it running.

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{group, insights, invalid, named, not_found};
use crate::sandbox::value::text;

pub(super) struct Query {
    account: String,
    region: String,
    looks: u32,
    /// Whether it never ends while anybody waits.
    huge: bool,
    stopped: bool,
    rows: Vec<Vec<(String, String)>>,
    matched: usize,
    scanned: usize,
    bytes: usize,
}

impl Query {
    pub(super) fn new(input: &Value, context: &RequestContext, began: i64) -> Result<Self, AwsError> {
        let names = named(input);
        if names.is_empty() || names.len() > 50 {
            return Err(invalid("Log group names must be between 1 and 50."));
        }
        let time = |key: &str| input.get(key).and_then(Value::as_i64).unwrap_or_default();
        let (from, until) = (time("startTime"), time("endTime"));
        if from > until {
            return Err(invalid("Query's end date and time is before its start date and time"));
        }
        let words = text(input, "queryString").unwrap_or_default();
        let parsed = insights::parse(words).map_err(|e| malformed(&e))?;
        let (mut events, mut huge) = (Vec::new(), false);
        for name in names {
            let group = group(name, context).map_err(|_| {
                not_found(&format!(
                    "Log group '{name}' does not exist for account ID '{}' (Service: AWSLogs)",
                    context.account_id
                ))
            })?;
            huge |= group.is_huge();
            let found = group.events(&context.account_id, from, until.min(super::now()), began);
            events.extend(
                found
                    .into_iter()
                    .map(|event| insights::fields(&format!("{}:{name}", context.account_id), &event)),
            );
        }
        let scanned = events.len();
        let bytes = events
            .iter()
            .filter_map(|e| e.get("@message"))
            .map(|m| m.len() + 26)
            .sum();
        let limit = input.get("limit").and_then(Value::as_u64).unwrap_or(10_000);
        let (rows, matched) = insights::run(&parsed, events, usize::try_from(limit).unwrap_or(10_000));
        Ok(Self {
            account: context.account_id.clone(),
            region: context.region.clone(),
            looks: 0,
            huge,
            stopped: false,
            rows,
            matched,
            scanned,
            bytes,
        })
    }

    pub(super) fn is_of(&self, context: &RequestContext) -> bool {
        self.account == context.account_id && self.region == context.region
    }

    pub(super) fn is_running(&self) -> bool {
        !self.stopped && (self.huge || self.looks < 2)
    }

    /// Whether there was something to stop.
    pub(super) fn stop(&mut self) -> bool {
        let running = self.is_running();
        self.stopped |= running;
        running
    }

    /// The first time nothing but that it runs, the second time what there is.
    pub(super) fn results(&mut self) -> Result<Value, AwsError> {
        self.looks = self.looks.saturating_add(1);
        let status = match (self.stopped, self.is_running()) {
            (true, _) => "Cancelled",
            (false, true) => "Running",
            (false, false) => "Complete",
        };
        let seen = if status == "Complete" { 1.0 } else { 0.0 };
        let huge = if self.huge { f64::from(self.looks) } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "AWS counts in floating point")]
        let share = |count: usize, each: f64| (count as f64).mul_add(seen, huge * each);
        let field = |(name, value): &(String, String)| json!({ "field": name, "value": value });
        let rows: Vec<Value> = match status {
            _ if self.looks > 1 => self.rows.iter().map(|row| row.iter().map(field).collect()).collect(),
            _ => Vec::new(),
        };
        Ok(json!({
            "status": status, "results": rows, "queryLanguage": "CWLI",
            "statistics": {
                "recordsMatched": share(self.matched, 0.0), "recordsScanned": share(self.scanned, 2e6),
                "bytesScanned": share(self.bytes, 3e9), "estimatedRecordsSkipped": 0.0, "estimatedBytesSkipped": 0.0,
                "logGroupsScanned": 1.0,
            },
        }))
    }
}

fn malformed(wrong: &insights::Wrong) -> AwsError {
    let text = format!(
        "unexpected symbol found {} at line 1 and position {}",
        wrong.found,
        wrong.start + 1
    );
    let location = json!({ "startCharOffset": wrong.start, "endCharOffset": wrong.end });
    AwsError::bad_request("MalformedQueryException", text.clone())
        .with_extra("queryCompileError", json!({ "message": text, "location": location }))
}
