//! FilterLogEvents, with patterns of terms.

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{group, invalid, now, page, with_token};
use crate::sandbox::value::text;

pub(super) fn events(began: i64, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
    let group = group(text(input, "logGroupName").unwrap_or_default(), context)?;
    let time = |key: &str| input.get(key).and_then(Value::as_i64);
    let (from, until) = (
        time("startTime").unwrap_or_default(),
        time("endTime").unwrap_or(now() * 1000),
    );
    if from > until {
        return Err(invalid("startTime must be less than or equal to endTime"));
    }
    let pattern = Pattern::parse(text(input, "filterPattern").unwrap_or_default())?;
    let streams = input.get("logStreamNames").and_then(Value::as_array);
    let streams: Option<Vec<&str>> = streams.map(|names| names.iter().filter_map(Value::as_str).collect());
    let last = until.div_euclid(1000).min(now()) + 1;
    let mut found: Vec<Value> = group
        .events(&context.account_id, from.div_euclid(1000), last, began)
        .into_iter()
        .filter(|e| (from..=until).contains(&e.time))
        .filter(|e| streams.as_ref().is_none_or(|names| names.contains(&e.stream.as_str())))
        .filter(|e| pattern.matches(&e.message))
        .map(|e| {
            json!({
                "logStreamName": e.stream, "timestamp": e.time, "message": format!("{}\n", e.message),
                "ingestionTime": e.time + 400, "eventId": format!("{:056}", e.time),
            })
        })
        .collect();
    if input.get("startFromHead") == Some(&json!(false)) {
        found.reverse();
    }
    let limit = input.get("limit").and_then(Value::as_u64).unwrap_or(10_000);
    if !(1..=10_000).contains(&limit) {
        return Err(invalid("Limit must be between 1 and 10000"));
    }
    let (found, next) = page(found, usize::try_from(limit).unwrap_or(10_000), input)?;
    Ok(with_token(json!({ "events": found, "searchedLogStreams": [] }), next))
}

/// Terms: all of them, none of those with a minus, and one of those with a question mark.
struct Pattern {
    all: Vec<String>,
    none: Vec<String>,
    any: Vec<String>,
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Self, AwsError> {
        if pattern.starts_with(['{', '[', '%']) {
            return Err(invalid(
                "Invalid filter pattern: the sandbox knows terms and quoted phrases",
            ));
        }
        let mut parsed = Self {
            all: Vec::new(),
            none: Vec::new(),
            any: Vec::new(),
        };
        let mut rest = pattern.trim_start();
        while !rest.is_empty() {
            let list = match rest.chars().next() {
                Some('-') => &mut parsed.none,
                Some('?') => &mut parsed.any,
                _ => &mut parsed.all,
            };
            let term = rest.trim_start_matches(['-', '?']);
            let (term, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted
                    .split_once('"')
                    .ok_or_else(|| invalid("Invalid filter pattern"))?,
                None => term.split_once(char::is_whitespace).unwrap_or((term, "")),
            };
            // Bare terms are alphanumeric; others want quotes.
            if !rest.contains('"') && term.contains(|c: char| !c.is_alphanumeric() && c != '_') {
                return Err(invalid("Invalid filter pattern"));
            }
            list.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(parsed)
    }

    fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        self.all.iter().all(has) && !self.none.iter().any(has) && (self.any.is_empty() || self.any.iter().any(has))
    }
}
