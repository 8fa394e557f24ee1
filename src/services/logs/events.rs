//! Events of one group, as they are.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_types::DateTime;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{
    OpError, Ops, Page, dated, iso, moment,
    page::{pack, unpack},
};

/// How many events an answer has when the call does not say.
const EVENTS: u32 = 100;
/// CloudWatch Logs reads backwards only from here on: 2024-01-01.
const BACKWARDS_FROM: i64 = 1_704_067_200;

/// Arguments of `filter_log_events`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterLogEvents {
    log_group_name: String,
    /// Terms, "a phrase", -without, ?or; or { $.status = 500 }
    filter_pattern: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    /// 30m or ISO 8601; default 1h
    since: Option<String>,
    until: Option<String>,
    /// Default 100
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `filter_log_events`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventList {
    since: String,
    until: String,
    /// How many of the events below are of each stream
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_stream: BTreeMap<String, usize>,
    events: Vec<Event>,
    /// Go on with this, also where there are no events: not all was searched
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One event.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event {
    time: String,
    message: String,
    stream: String,
}

/// A cursor keeps the time that it began with: `1h` means another one a minute later.
type Cursor = (String, i64, i64);

pub(super) async fn filter(ops: &Ops, client: &Client, input: FilterLogEvents) -> Result<EventList, OpError> {
    let now = ops.now();
    let (token, since, until) = match input.next_token.as_deref().map(unpack::<Cursor>).transpose()? {
        Some((token, since, until)) => (Some(token), DateTime::from_millis(since), DateTime::from_millis(until)),
        None => {
            let since = moment(input.since.as_deref().unwrap_or("1h"), now)?;
            let until = moment(input.until.as_deref().unwrap_or("now"), now)?;
            (None, since, until)
        }
    };
    let (from, to) = (millis(&since)?, millis(&until)?);
    if from >= to {
        let (since, until) = (iso(&since), iso(&until));
        return Err(OpError::InvalidInput(format!(
            "since ({since}) is not before until ({until})"
        )));
    }
    let streams = input.log_stream_names;
    let page = |token, size| {
        let request = client
            .filter_log_events()
            .log_group_name(&input.log_group_name)
            .set_filter_pattern(input.filter_pattern.clone())
            .set_log_stream_names((!streams.is_empty()).then(|| streams.clone()))
            .start_time(from)
            .end_time(to)
            .start_from_head(since.secs() < BACKWARDS_FROM);
        async move {
            let answer = request.limit(size).set_next_token(token).send().await?;
            let events = answer.events.unwrap_or_default().into_iter().map(|event| Event {
                time: event
                    .timestamp
                    .map(|t| iso(&DateTime::from_millis(t)))
                    .unwrap_or_default(),
                message: event.message.unwrap_or_default().trim_end().to_owned(),
                stream: event.log_stream_name.unwrap_or_default(),
            });
            Ok(Page {
                items: events.collect(),
                next: answer.next_token,
            })
        }
    };
    let pager = ops.pager(Some(input.max_results.unwrap_or(EVENTS)), token);
    let Page { items, next } = pager.collect(1000, page).await?;
    let mut by_stream = BTreeMap::new();
    for event in &items {
        *by_stream.entry(event.stream.clone()).or_default() += 1;
    }
    Ok(EventList {
        since: dated(&since, now),
        until: dated(&until, now),
        by_stream,
        events: items,
        next_token: next.map(|token| pack(&(token, from, to))).transpose()?,
    })
}

fn millis(time: &DateTime) -> Result<i64, OpError> {
    time.to_millis()
        .map_err(|_| OpError::InvalidInput("no log is so old".to_owned()))
}
