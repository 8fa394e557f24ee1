//! CloudTrail: who did what.

mod event;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudtrail::{
    Client,
    primitives::DateTime,
    types::{LookupAttribute, LookupAttributeKey},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{
    Access, Declare, Json, OpError, Ops, Reply, dated, declare, moment, ok,
    page::{pack, unpack},
};

use event::{Known, Told};

/// What LookupEvents gives at once, at most.
const PAGE: usize = 50;
/// How many events are listed when the call does not say, and at most.
const LISTED: (usize, usize) = (50, 1000);
/// How many pages are looked through for one answer.
const PAGES: usize = 40;
/// LookupEvents answers twice a second in an account and region.
const PACE: Duration = Duration::from_millis(500);
/// How far back it goes.
const DAYS: i64 = 90;

/// Arguments of `lookup_events`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupEvents {
    /// 30m, 2d or ISO 8601 (default 1h)
    since: Option<String>,
    until: Option<String>,
    event_name: Option<String>,
    /// User or role session name
    user_name: Option<String>,
    resource_name: Option<String>,
    resource_type: Option<String>,
    event_source: Option<String>,
    access_key_id: Option<String>,
    event_id: Option<String>,
    /// false: reads too
    #[serde(default = "yes")]
    changes_only: bool,
    /// Also what was asked for
    #[serde(default)]
    details: bool,
    /// Default 50
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn yes() -> bool {
    true
}

/// Answer of `lookup_events`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventList {
    since: String,
    until: String,
    /// Says that events shows fewer than were counted
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
    /// How many were found, shown or not
    count: usize,
    #[serde(skip_serializing_if = "is_zero")]
    failed: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_user: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_event: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Newest first
    events: Vec<Told>,
    /// Go on with this; absent at the end
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Where to go on: the same span of time, though `since` means another by then.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    from: i64,
    to: i64,
    /// AWS's token of the page, and how many of its events were seen.
    token: Option<String>,
    seen: usize,
}

#[tool_router(router = cloudtrail_tools, vis = "pub(crate)")]
impl Ops {
    /// Who changed what, when, from where: CloudTrail's last 90 days, summed up by user and event. IAM, Route 53 and sign-ins are recorded in us-east-1. Example: {"account": "production", "since": "1h"}
    #[tool(meta = declare(Access::Read, &["cloudtrail:LookupEvents"]).merged("events"))]
    async fn lookup_events(
        &self,
        Parameters(input): Parameters<LookupEvents>,
    ) -> Result<Json<Reply<EventList>>, OpError> {
        let mut cursor = self.span(&input)?;
        let filters = input.filters();
        let (asked, here) = input.split(&filters);
        let most = input.max_results.unwrap_or(LISTED.0).clamp(1, LISTED.1);
        let client = self.client(Client::new)?;
        let mut list = EventList {
            since: dated(&DateTime::from_secs(cursor.from), self.now()),
            until: dated(&DateTime::from_secs(cursor.to), self.now()),
            partial: None,
            count: 0,
            failed: 0,
            by_user: BTreeMap::new(),
            by_event: BTreeMap::new(),
            note: self.note(&here)?,
            events: Vec::new(),
            next_token: None,
        };
        let (mut rest, mut bytes) = (None, 0);
        for page in 0..PAGES {
            let request = client
                .lookup_events()
                .start_time(DateTime::from_secs(cursor.from))
                .end_time(DateTime::from_secs(cursor.to))
                .set_lookup_attributes(asked.clone().map(|attribute| vec![attribute]))
                .max_results(i32::try_from(PAGE).unwrap_or(i32::MAX))
                .set_next_token(cursor.token.clone());
            let answer = match request.send().await.map_err(OpError::from) {
                Ok(answer) => answer,
                // What was found so far is worth more than nothing.
                Err(error) if page > 0 && error.retryable() => {
                    rest.get_or_insert(cursor.clone());
                    break;
                }
                Err(error) => return Err(error),
            };
            for (at, event) in answer
                .events
                .unwrap_or_default()
                .into_iter()
                .enumerate()
                .skip(cursor.seen)
            {
                let known = Known::new(event);
                if !(here.iter().all(|filter| filter.fits(&known)) && (known.changes() || !input.changes_only)) {
                    continue;
                }
                list.count += 1;
                list.failed += usize::from(known.failed());
                *list.by_user.entry(known.who()).or_default() += 1;
                *list.by_event.entry(known.name()).or_default() += 1;
                let told = known.told(self.now(), input.details);
                bytes += serde_json::to_vec(&told).map_or(0, |json| json.len());
                if rest.is_none() && list.events.len() < most && (bytes <= self.data_limit() || list.events.is_empty())
                {
                    list.events.push(told);
                } else if rest.is_none() {
                    rest = Some(Cursor {
                        seen: at,
                        ..cursor.clone()
                    });
                }
            }
            (cursor.token, cursor.seen) = (answer.next_token.filter(|t| !t.is_empty()), 0);
            if cursor.token.is_none() {
                break;
            }
            if page + 1 == PAGES || !self.pause(PACE).await {
                rest.get_or_insert(cursor.clone());
                break;
            }
        }
        list.partial = rest.as_ref().map(|_| {
            let (shown, counted) = (list.events.len(), list.count);
            format!("{shown} of the {counted} counted so far are shown; next_token goes on after them")
        });
        list.next_token = rest.map(|rest| pack(&rest)).transpose()?;
        ok(list)
    }

    /// The time that a call means.
    fn span(&self, input: &LookupEvents) -> Result<Cursor, OpError> {
        if let Some(token) = &input.next_token {
            return unpack(token);
        }
        let now = self.now();
        // Whose id is known may be of any day.
        let default = if input.event_id.is_some() { "90d" } else { "1h" };
        let from = moment(input.since.as_deref().unwrap_or(default), now)?.secs();
        let to = moment(input.until.as_deref().unwrap_or("now"), now)?.secs();
        if from > to {
            let text = "`since` is after `until`: since is the older of the two";
            return Err(OpError::InvalidInput(text.to_owned()));
        }
        if from < DateTime::from(now).secs() - DAYS * 86_400 - 60 {
            return Err(OpError::InvalidInput(format!(
                "LookupEvents goes back {DAYS} days; what is older is in a trail's bucket or in CloudTrail Lake, if there is one"
            )));
        }
        Ok(Cursor {
            from,
            to,
            token: None,
            seen: 0,
        })
    }

    /// What the answer does not show.
    fn note(&self, here: &[&Filter]) -> Result<Option<String>, OpError> {
        let region = self.session()?.region();
        let mut notes = Vec::new();
        if region.partition() == "aws" && region.as_str() != "us-east-1" {
            notes.push(format!(
                "This is what {region} recorded; IAM, Route 53, CloudFront, Organizations and most sign-ins are recorded in us-east-1: ask there too."
            ));
        }
        if !here.is_empty() {
            let names: Vec<&str> = here.iter().map(|filter| filter.argument).collect();
            notes.push(format!(
                "AWS looks up by one attribute; {} was compared here.",
                names.join(", ")
            ));
        }
        Ok((!notes.is_empty()).then(|| notes.join(" ")))
    }
}

/// One thing that events are looked up by.
#[derive(Debug)]
struct Filter {
    argument: &'static str,
    key: LookupAttributeKey,
    value: String,
}

impl Filter {
    fn fits(&self, event: &Known) -> bool {
        event.has(&self.key, &self.value)
    }
}

impl LookupEvents {
    /// What the events must have, what tells most first.
    fn filters(&self) -> Vec<Filter> {
        use LookupAttributeKey as Key;
        let source = self.event_source.as_ref().map(|source| match source.contains('.') {
            true => source.clone(),
            false => format!("{}.amazonaws.com", source.to_ascii_lowercase()),
        });
        [
            ("event_id", Key::EventId, self.event_id.clone()),
            ("access_key_id", Key::AccessKeyId, self.access_key_id.clone()),
            ("resource_name", Key::ResourceName, self.resource_name.clone()),
            ("user_name", Key::Username, self.user_name.clone()),
            ("event_name", Key::EventName, self.event_name.clone()),
            ("resource_type", Key::ResourceType, self.resource_type.clone()),
            ("event_source", Key::EventSource, source),
        ]
        .into_iter()
        .filter_map(|(argument, key, value)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(Filter { argument, key, value })
        })
        .collect()
    }

    /// The one that AWS looks up by, and those that are left to us.
    fn split<'f>(&self, filters: &'f [Filter]) -> (Option<LookupAttribute>, Vec<&'f Filter>) {
        let attribute = |key: &LookupAttributeKey, value: &str| {
            LookupAttribute::builder()
                .attribute_key(key.clone())
                .attribute_value(value)
                .build()
                .ok()
        };
        match filters.split_first() {
            Some((first, rest)) => (attribute(&first.key, &first.value), rest.iter().collect()),
            None if self.changes_only => (attribute(&LookupAttributeKey::ReadOnly, "false"), Vec::new()),
            None => (None, Vec::new()),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
