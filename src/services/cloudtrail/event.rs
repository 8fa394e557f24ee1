//! One event, as people read it.

use std::time::SystemTime;

use aws_sdk_cloudtrail::types::{Event, LookupAttributeKey};
use rmcp::schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::ops::{dated, without_secrets};

/// How long a text may be.
const LONGEST: usize = 160;

/// An event and what CloudTrail wrote of it.
pub(super) struct Known {
    event: Event,
    whole: Value,
}

/// One event of an answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Told {
    time: String,
    who: String,
    event: String,
    service: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    /// The error that it ended in: nothing was done then
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// The address or service that it came from, and the program
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
}

impl Known {
    pub(super) fn new(event: Event) -> Self {
        let whole = event.cloud_trail_event.as_deref();
        let whole = whole.and_then(|text| serde_json::from_str(text).ok());
        Self {
            whole: whole.unwrap_or(Value::Null),
            event,
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.whole.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// Whether it may have changed something.
    pub(super) fn changes(&self) -> bool {
        self.event.read_only.as_deref() != Some("true")
    }

    pub(super) fn failed(&self) -> bool {
        self.text("/errorCode").is_some()
    }

    pub(super) fn name(&self) -> String {
        self.event.event_name.clone().unwrap_or_default()
    }

    /// Whoever did it, by the name that says most: the identity behind a role's session, the session, the user, the service.
    pub(super) fn who(&self) -> String {
        let of = |part: &str| self.text(&format!("/userIdentity/{part}"));
        let session = || of("arn")?.rsplit('/').next();
        let session = match of("type") {
            Some("AssumedRole" | "FederatedUser") => session(),
            Some("Root") => Some("root"),
            _ => None,
        };
        let source = of("sessionContext/sourceIdentity");
        let name = match (session, source) {
            (Some(session), Some(source)) if !session.contains(source) => Some(format!("{source} (as {session})")),
            (session, source) => session.or(source).map(str::to_owned),
        };
        let by = || of("userName").or_else(|| of("invokedBy")).map(str::to_owned);
        let account = || of("accountId").map(|id| format!("account {id}"));
        let known = name.or_else(by).or_else(|| self.event.username.clone());
        known.or_else(account).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Whether it has this attribute, as LookupEvents would judge it.
    pub(super) fn has(&self, key: &LookupAttributeKey, value: &str) -> bool {
        use LookupAttributeKey as Key;
        let event = &self.event;
        let mut resources = event.resources().iter();
        let is = |told: Option<&str>| told == Some(value);
        match key {
            Key::EventId => is(event.event_id()),
            Key::AccessKeyId => is(event.access_key_id()),
            Key::EventName => is(event.event_name()),
            Key::EventSource => is(event.event_source()),
            Key::Username => is(event.username()),
            Key::ResourceName => resources.any(|r| is(r.resource_name())),
            Key::ResourceType => resources.any(|r| is(r.resource_type())),
            _ => false,
        }
    }

    /// As an answer shows it; what was asked for only with `details`.
    pub(super) fn told(&self, now: SystemTime, details: bool) -> Told {
        let event = &self.event;
        let resource = |r: &aws_sdk_cloudtrail::types::Resource| {
            let words = [r.resource_type(), r.resource_name()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let error = self.text("/errorCode").map(|code| match self.text("/errorMessage") {
            Some(message) => cut(&format!("{code}: {message}"), 2 * LONGEST),
            None => code.to_owned(),
        });
        let from = [self.text("/sourceIPAddress"), self.text("/userAgent")];
        let from = from.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let source = event.event_source().unwrap_or_default();
        let request = self.whole.get("requestParameters").filter(|r| details && !r.is_null());
        Told {
            time: event.event_time().map(|time| dated(time, now)).unwrap_or_default(),
            who: self.who(),
            event: self.name(),
            service: source.trim_end_matches(".amazonaws.com").to_owned(),
            resources: event.resources().iter().map(resource).collect(),
            error,
            role: self
                .text("/userIdentity/sessionContext/sessionIssuer/userName")
                .map(str::to_owned),
            from: (!from.is_empty()).then(|| cut(&from, LONGEST)),
            region: self.text("/awsRegion").map(str::to_owned),
            event_id: event.event_id().unwrap_or_default().to_owned(),
            request: request.map(|request| short(without_secrets("", request))),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most).collect();
    format!("{head}…")
}

/// A request without texts that are too long: CloudTrail leaves out most of what is secret, but not all, and we leave out the rest.
fn short(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(&text, 10 * LONGEST)),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, short(value))).collect(),
        Value::Array(items) => items.into_iter().map(short).collect(),
        other => other,
    }
}
