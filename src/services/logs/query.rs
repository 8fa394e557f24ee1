//! A Logs Insights query: started, waited for, and stopped if nobody waits any more.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client,
    operation::{get_query_results::GetQueryResultsOutput, start_query::StartQueryError},
    types::{QueryStatistics, QueryStatus, ResultField},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::ops::{OpError, Ops, Page, dated, iso, moment, size};

/// How many groups a query may search. Source: StartQuery, logGroupNames.
const GROUPS: usize = 50;
/// How many rows an answer has when the call does not say.
const ROWS: i32 = 100;
/// How many AWS gives. Source: StartQuery, limit.
const MOST_ROWS: i32 = 10_000;
/// The first pause before AWS is asked whether it is done, and the longest: each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `query_logs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryLogs {
    #[serde(default)]
    log_group_names: Vec<String>,
    /// Instead of names: all that begin so, at most 50
    log_group_name_prefix: Option<String>,
    query: String,
    /// Such as 30m or ISO 8601 (default 1h)
    since: Option<String>,
    until: Option<String>,
    /// Rows (default 100, at most 10000)
    limit: Option<i32>,
}

/// Answer of `query_logs`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct QueryResults {
    /// Complete, or Partial: stopped before it had seen everything
    status: String,
    since: String,
    until: String,
    records_matched: u64,
    records_scanned: u64,
    /// What AWS bills
    bytes_scanned: String,
    log_groups: Vec<String>,
    /// What is missing, and how to get it
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    rows: Vec<Map<String, Value>>,
}

pub(super) async fn run(ops: &Ops, client: &Client, input: QueryLogs) -> Result<QueryResults, OpError> {
    let now = ops.now();
    let since = moment(input.since.as_deref().unwrap_or("1h"), now)?;
    let until = moment(input.until.as_deref().unwrap_or("now"), now)?;
    let limit = input.limit.unwrap_or(ROWS);
    check(&input, limit)?;
    if since.secs() >= until.secs() {
        let (since, until) = (iso(&since), iso(&until));
        return Err(OpError::InvalidInput(format!(
            "since ({since}) is not before until ({until})"
        )));
    }
    let mut results = QueryResults {
        status: "Complete".to_owned(),
        since: dated(&since, now),
        until: dated(&until, now),
        bytes_scanned: size(0),
        ..QueryResults::default()
    };
    results.log_groups = match &input.log_group_name_prefix {
        Some(prefix) => named(client, prefix).await?,
        None => input.log_group_names,
    };
    // Over many accounts some have no such group, and that is no failure of theirs.
    if results.log_groups.is_empty() {
        let prefix = input.log_group_name_prefix.unwrap_or_default();
        results.note = Some(format!("no log group here begins with {prefix}: nothing was searched"));
        return Ok(results);
    }
    let request = client
        .start_query()
        .set_log_group_names(Some(results.log_groups.clone()))
        .query_string(&input.query)
        .start_time(since.secs())
        .end_time(until.secs())
        .limit(limit);
    let started = request.send().await.map_err(|e| explained(e, &input.query))?;
    let id = started.query_id.unwrap_or_default();
    let (answer, whole) = wait(ops, client, id, limit).await?;
    if !whole {
        results.status = "Partial".to_owned();
    }
    fill(&mut results, answer, limit, ops.data_limit());
    Ok(results)
}

fn check(input: &QueryLogs, limit: i32) -> Result<(), OpError> {
    let wrong = |text: &str| Err(OpError::InvalidInput(text.to_owned()));
    if input.log_group_names.is_empty() == input.log_group_name_prefix.is_none() {
        return wrong("give either log_group_names or log_group_name_prefix; describe_log_groups shows what exists");
    }
    if input.log_group_names.len() > GROUPS {
        return wrong("a query searches 50 log groups at most");
    }
    if input.query.trim().is_empty() {
        return wrong("query is empty; all events would be: fields @timestamp, @message");
    }
    if !(1..=MOST_ROWS).contains(&limit) {
        return wrong("limit is from 1 to 10000");
    }
    Ok(())
}

/// The groups whose names begin so.
async fn named(client: &Client, prefix: &str) -> Result<Vec<String>, OpError> {
    let page = |token, size| {
        let request = client.describe_log_groups().log_group_name_prefix(prefix);
        async move {
            let answer = request.limit(size).set_next_token(token).send().await?;
            let groups = answer.log_groups.unwrap_or_default().into_iter();
            Ok(Page {
                items: groups.filter_map(|g| g.log_group_name).collect(),
                next: answer.next_token,
            })
        }
    };
    let most = u32::try_from(GROUPS + 1).ok();
    let Page { items, .. } = crate::ops::Pager::new(most, None, usize::MAX).collect(50, page).await?;
    if items.len() > GROUPS {
        return Err(OpError::InvalidInput(format!(
            "more than {GROUPS} log groups begin with {prefix}, and a query searches {GROUPS} at most: give a longer prefix, or names"
        )));
    }
    Ok(items)
}

/// A query that is running. Dropped, because the client has gone or the time is up, it is stopped: it would go on costing money.
struct Running {
    client: Client,
    id: Option<String>,
}

impl Running {
    fn ended(&mut self) {
        self.id = None;
    }

    async fn stop(&mut self) {
        if let Some(id) = self.id.take() {
            // One that has ended meanwhile can't be stopped, and need not be.
            let _ = self.client.stop_query().query_id(id).send().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let request = self.client.stop_query().query_id(id);
            runtime.spawn(async move {
                let _ = request.send().await;
            });
        }
    }
}

/// Waits for the end, or for as long as the call may take; what there is by then, and whether it is all.
async fn wait(ops: &Ops, client: &Client, id: String, limit: i32) -> Result<(GetQueryResultsOutput, bool), OpError> {
    let mut running = Running {
        client: client.clone(),
        id: Some(id.clone()),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = client.get_query_results().query_id(&id).max_items(limit).send().await?;
        match &answer.status {
            Some(QueryStatus::Complete) => {
                running.ended();
                return Ok((answer, true));
            }
            Some(ended @ (QueryStatus::Cancelled | QueryStatus::Failed | QueryStatus::Timeout)) => {
                running.ended();
                return match ended {
                    QueryStatus::Failed => Err(OpError::ToolFailed(
                        "AWS says that the query failed, and not why: try again, or over less time".to_owned(),
                    )),
                    _ => Ok((answer, false)),
                };
            }
            _ => {}
        }
        let far = answer.statistics.as_ref().map(counted).unwrap_or_default();
        ops.progress(format!("{} records matched, {} scanned", far.0, size(far.2)));
        let next = Instant::now() + pause;
        if ops.deadline().is_some_and(|deadline| next > deadline) {
            running.stop().await;
            return Ok((answer, false));
        }
        tokio::time::sleep_until(next).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Matched and scanned records, and scanned bytes: AWS counts in floating point.
fn counted(statistics: &QueryStatistics) -> (u64, u64, u64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    let whole = |count: f64| count as u64;
    (
        whole(statistics.records_matched),
        whole(statistics.records_scanned),
        whole(statistics.bytes_scanned),
    )
}

fn fill(results: &mut QueryResults, answer: GetQueryResultsOutput, limit: i32, room: usize) {
    let (matched, scanned, bytes) = answer.statistics.as_ref().map(counted).unwrap_or_default();
    (results.records_matched, results.records_scanned) = (matched, scanned);
    results.bytes_scanned = size(bytes);
    let found: Vec<_> = answer.results.unwrap_or_default().into_iter().map(row).collect();
    let all = found.len();
    // Not all of the room: over several targets each row gets its account, too.
    let mut left = room / 5 * 3;
    for row in found {
        let bytes = row
            .iter()
            .map(|(k, v)| k.len() + v.to_string().len() + 4)
            .sum::<usize>()
            + 3;
        if bytes > left {
            break;
        }
        left -= bytes;
        results.rows.push(row);
    }
    let mut notes = Vec::new();
    if results.status == "Partial" {
        notes.push(
            "the query was stopped before it ended, mostly by the call's deadline: ask for less time or fewer groups"
                .to_owned(),
        );
    }
    if results.rows.len() < all {
        let shown = results.rows.len();
        notes.push(format!(
            "{shown} of {all} rows have room here (MAX_RESULT_BYTES): ask for fewer fields, or with stats"
        ));
    } else if usize::try_from(limit).is_ok_and(|limit| all >= limit) {
        notes.push(format!(
            "these are the first {all} rows, and there may be more: raise limit"
        ));
    }
    results.note = notes.into_iter().reduce(|all, one| format!("{all}; {one}"));
}

/// A row without the pointer that only AWS can read.
fn row(fields: Vec<ResultField>) -> Map<String, Value> {
    let fields = fields
        .into_iter()
        .filter_map(|f| Some((f.field?, Value::from(f.value.unwrap_or_default()))));
    fields.filter(|(name, _)| name != "@ptr").collect()
}

/// AWS's words for a query that it does not understand, and the place in it.
fn explained(error: SdkError<StartQueryError, HttpResponse>, query: &str) -> OpError {
    let compile = match error.as_service_error() {
        Some(StartQueryError::MalformedQueryException(malformed)) => malformed.query_compile_error.clone(),
        _ => None,
    };
    let mut told = OpError::from(error);
    if let (OpError::Aws { message, .. }, Some(compile)) = (&mut told, compile) {
        if let Some(more) = compile.message.filter(|more| !message.contains(more.as_str())) {
            *message = format!("{message}: {more}");
        }
        let offset = |at: Option<i32>| at.and_then(|at| usize::try_from(at).ok());
        let place = compile
            .location
            .and_then(|l| Some((offset(l.start_char_offset)?, offset(l.end_char_offset))));
        if let Some((start, end)) = place {
            let rest = query.chars().skip(start);
            let near: String = rest
                .take(end.map_or(20, |end| (end + 1).saturating_sub(start)).clamp(1, 40))
                .collect();
            *message = format!("{message} (character {start} of the query: `{near}`)");
        }
    }
    told
}
