//! CloudTrail: what was done in each account, noted by the gateway itself, and looked up as LookupEvents does.

mod record;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{authorise::Check, value::text};

pub(super) use record::{Noted, time};

/// How many events an account keeps: the oldest go.
const MOST: usize = 500;
/// The most events of a page.
const PAGE: u64 = 50;

#[derive(Default)]
pub(super) struct CloudTrail(Mutex<HashMap<String, VecDeque<Event>>>);

/// One event, with what it is looked up by.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) time: i64,
    pub(super) region: String,
    pub(super) name: String,
    /// Such as `iam.amazonaws.com`.
    pub(super) source: String,
    pub(super) read_only: bool,
    pub(super) access_key: String,
    pub(super) user: String,
    /// Type and name.
    pub(super) resources: Vec<(String, String)>,
    /// The whole event, as CloudTrail writes it.
    pub(super) whole: String,
}

impl CloudTrail {
    /// Notes an event of an account.
    pub(super) fn note(&self, account: &str, event: Event) {
        let mut all = self.events();
        let events = all.entry(account.to_owned()).or_default();
        // What is seeded comes in any order, calls come as they are made.
        let at = events.partition_point(|there| there.time <= event.time);
        events.insert(at, event);
        if events.len() > MOST {
            events.pop_front();
        }
    }

    pub(super) fn checks(&self, operation: &str, _input: &Value, _context: &RequestContext) -> Vec<Check> {
        vec![Check::new(format!("cloudtrail:{operation}"), "*")]
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        match operation {
            "LookupEvents" => self.lookup(input, context),
            _ => {
                let text = format!("Unknown operation: {operation}");
                Err(AwsError::bad_request("UnknownOperationException", text))
            }
        }
    }

    fn lookup(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let wanted = wanted(input)?;
        let second = |name: &str| input.get(name).and_then(Value::as_f64);
        let from = second("StartTime").unwrap_or(0.0);
        let to = second("EndTime").unwrap_or(f64::MAX);
        if from > to {
            let text = "The StartTime must be before the EndTime.";
            return Err(AwsError::bad_request("InvalidTimeRangeException", text));
        }
        let most = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(PAGE);
        if !(1..=PAGE).contains(&most) {
            let text = "A MaxResults value is between 1 and 50.";
            return Err(AwsError::bad_request("InvalidMaxResultsException", text));
        }
        let most = usize::try_from(most).unwrap_or(1);
        let all = self.events();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
        let within = |event: &&Event| event.time as f64 >= from && event.time as f64 <= to;
        let mut found = all
            .get(&context.account_id)
            .into_iter()
            .flatten()
            .rev()
            .filter(|event| event.region == context.region && wanted.as_ref().is_none_or(|w| w.is(event)))
            .filter(within);
        // The token names the last event that was shown: newer ones may have come since.
        if let Some(token) = text(input, "NextToken") {
            let invalid = || AwsError::bad_request("InvalidNextTokenException", "The NextToken is not valid.");
            let last = token.strip_prefix("event:").ok_or_else(invalid)?;
            found.find(|event| event.id == last).ok_or_else(invalid)?;
        }
        let page: Vec<&Event> = found.by_ref().take(most).collect();
        let mut answer = json!({ "Events": page.iter().map(|event| event.shown()).collect::<Vec<_>>() });
        if let (Some(last), Some(_)) = (page.last(), found.next()) {
            super::value::set(&mut answer, "NextToken", format!("event:{}", last.id));
        }
        Ok(answer)
    }

    fn events(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Event>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn shown(&self) -> Value {
        let resource = |(kind, name): &(String, String)| json!({ "ResourceType": kind, "ResourceName": name });
        let mut shown = json!({
            "EventId": self.id,
            "EventName": self.name,
            "ReadOnly": self.read_only.to_string(),
            "EventTime": self.time,
            "EventSource": self.source,
            "Username": self.user,
            "Resources": self.resources.iter().map(resource).collect::<Vec<_>>(),
            "CloudTrailEvent": self.whole,
        });
        if !self.access_key.is_empty() {
            super::value::set(&mut shown, "AccessKeyId", self.access_key.as_str());
        }
        shown
    }
}

/// The one attribute that a lookup may name.
struct Wanted<'a> {
    key: &'a str,
    value: &'a str,
}

impl Wanted<'_> {
    fn is(&self, event: &Event) -> bool {
        let value = self.value;
        match self.key {
            "EventId" => event.id == value,
            "EventName" => event.name == value,
            "ReadOnly" => event.read_only.to_string() == value,
            "Username" => event.user == value,
            "ResourceType" => event.resources.iter().any(|(kind, _)| kind == value),
            "ResourceName" => event.resources.iter().any(|(_, name)| name == value),
            "EventSource" => event.source == value,
            _ => event.access_key == value,
        }
    }
}

fn wanted(input: &Value) -> Result<Option<Wanted<'_>>, AwsError> {
    const KEYS: [&str; 8] = [
        "AccessKeyId",
        "EventId",
        "EventName",
        "EventSource",
        "ReadOnly",
        "ResourceName",
        "ResourceType",
        "Username",
    ];
    let invalid = |text: &str| AwsError::bad_request("InvalidLookupAttributesException", text);
    let attributes = input.get("LookupAttributes").and_then(Value::as_array);
    let Some(first) = attributes.and_then(|a| a.first()) else {
        return Ok(None);
    };
    if attributes.is_some_and(|a| a.len() > 1) {
        return Err(invalid("You can only specify one lookup attribute."));
    }
    let key = text(first, "AttributeKey").filter(|key| KEYS.contains(key));
    let key = key.ok_or_else(|| invalid("The attribute key is not valid."))?;
    let value = text(first, "AttributeValue").filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| invalid("The attribute value is not valid."))?;
    Ok(Some(Wanted { key, value }))
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
