//! One tool in many targets at once: a stable order, each with its own receipt and either data or error, and a summary.

mod merge;

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use rmcp::model::JsonObject;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::Selected,
    config::value::nearest,
    ops::{
        OpError,
        page::{pack, unpack},
    },
};

use super::{
    Inner,
    call::{Call, Outcome},
    finish,
    progress::{Teller, notes},
    record,
};

/// The account's and the region's name, if there are any.
type Place = (Option<String>, Option<String>);

/// A result in the fan-out's answer, and where it belongs.
struct Done {
    at: usize,
    body: JsonObject,
    code: Option<String>,
}

impl Inner {
    /// Runs the tool in every target and makes the answer's body: a success if any target answered, and says so if not all did.
    pub(super) async fn fan_out(
        &self,
        call: &Call<'_>,
        targets: Vec<Selected>,
        from: Option<&str>,
        limit: Option<usize>,
    ) -> Result<JsonObject, OpError> {
        let labels: Vec<String> = targets.iter().map(label).collect();
        let places: Vec<Place> = targets.iter().map(|t| (t.account.clone(), t.region.clone())).collect();
        let skip = from.map(|from| start(from, &labels)).transpose()?.unwrap_or(0);
        let parallel = self.aws.limits().fan_out_parallelism.get().unwrap_or(usize::MAX);
        let total = labels.len() - skip;
        let (limit_of_all, _) = self.patience(call.entry);
        let until = limit_of_all.map(|limit| Instant::now() + limit);
        let (tell, heard) = notes();
        let teller = tell.clone();
        let runs = targets
            .into_iter()
            .enumerate()
            .skip(skip)
            .map(move |(at, selected)| self.one_of_many(call, at, selected, teller.clone(), until));
        let mut running = stream::iter(runs).buffer_unordered(parallel.min(total.max(1)));
        // What is moved into it ends with it, and with the last teller end the notes.
        let work = async move {
            let mut done: Vec<Done> = Vec::with_capacity(total);
            // When the whole call's time is up, what has answered is still an answer.
            while let Some(result) = before(until, running.next()).await {
                tell.finished(result.at);
                done.push(result);
            }
            done
        };
        let mut done = heard.beside(call, Some(total), &labels, work).await;
        if done.len() < total {
            let answered: HashSet<usize> = done.iter().map(|d| d.at).collect();
            let overtaken = places
                .into_iter()
                .enumerate()
                .skip(skip)
                .filter(|(at, _)| !answered.contains(at));
            done.extend(overtaken.map(|(at, place)| late(call, at, place, limit_of_all.unwrap_or_default())));
        }
        done.sort_by_key(|d| d.at);
        answer(done, &labels, limit, call.entry.declaration.merged.as_deref())
    }

    /// A target that hangs costs its own deadline, and nobody else's answer.
    async fn one_of_many(
        &self,
        call: &Call<'_>,
        at: usize,
        selected: Selected,
        tell: Teller,
        until: Option<Instant>,
    ) -> Done {
        let mut outcome = Outcome::default();
        let result = match selected.target {
            Ok(target) => {
                let limit = self.patience(call.entry).1;
                let watch = tell.watch(at, limit, until);
                let work = self.attempt(call, Some(target), &watch, &mut outcome);
                match limit {
                    Some(limit) => match tokio::time::timeout(limit, work).await {
                        Ok(result) => result,
                        Err(_) => Err(OpError::Timeout(limit)),
                    },
                    None => work.await,
                }
            }
            Err(error) => Err(error.into()),
        };
        self.note_timeout(call, outcome.target.as_ref(), &result);
        outcome.result = Some(result);
        let environment = record::environment([outcome.target.as_ref()]);
        let done = done(call, at, (selected.account, selected.region), outcome);
        record::target(environment.as_deref(), done.code.as_deref());
        done
    }
}

/// A result, with the account and the region that it is of as far as the call or the registry names them.
fn done(call: &Call<'_>, at: usize, (account, region): Place, mut outcome: Outcome) -> Done {
    let (mut rest, code) = finish::body(call.entry, &mut outcome);
    // Where a thing is not is what the list of results says, and that others may be asked is known here.
    if let ("not_found", Some(Value::Object(error))) = (code.as_str(), rest.get_mut("error")) {
        error.remove("hint");
    }
    // Whose it is comes first: a result may be long.
    let named = [("account", account), ("region", region)];
    let named = named
        .into_iter()
        .filter_map(|(key, v)| Some((key.to_owned(), json!(v?))));
    let body = named.chain(rest).collect();
    Done {
        at,
        body,
        code: (code != "ok").then_some(code),
    }
}

/// The next result, or `None` when there is none or the time is up.
async fn before<T>(until: Option<Instant>, next: impl Future<Output = Option<T>>) -> Option<T> {
    match until {
        Some(until) => tokio::time::timeout_at(until, next).await.ok().flatten(),
        None => next.await,
    }
}

/// The result of a target that the call's deadline overtook.
fn late(call: &Call<'_>, at: usize, place: Place, limit: Duration) -> Done {
    let outcome = Outcome {
        result: Some(Err(OpError::Timeout(limit))),
        ..Outcome::default()
    };
    done(call, at, place, outcome)
}

/// Puts the results together until the limit; what is left has a cursor. `merged` is a list that is shown once, over all of them.
fn answer(
    mut done: Vec<Done>,
    labels: &[String],
    limit: Option<usize>,
    merged: Option<&str>,
) -> Result<JsonObject, OpError> {
    let total = done.len();
    let room = limit.map_or(usize::MAX, room);
    if let Some(list) = merged {
        let regions = merge::several_regions(done.iter().map(|d| &d.body));
        done.iter_mut()
            .for_each(|one| merge::name_rows(&mut one.body, list, regions));
    }
    done.iter_mut().for_each(|one| fit(one, room));
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for code in done.iter().filter_map(|d| d.code.as_ref()) {
        *failures.entry(code.clone()).or_default() += 1;
    }
    let failed: usize = failures.values().sum();
    let error = (failed == total).then(|| total_failure(&done, &failures));
    let (mut results, mut bytes, mut next) = (Vec::new(), 0, None);
    for one in done {
        let body = Value::Object(one.body);
        bytes += body.to_string().len() + 1;
        if bytes > room && !results.is_empty() {
            next = labels.get(one.at).map(|label| pack(&(one.at, label))).transpose()?;
            break;
        }
        results.push(body);
    }
    let mut summary = json!({ "targets": total, "ok": total - failed, "failed": failed });
    if let (false, Some(summary)) = (failures.is_empty(), summary.as_object_mut()) {
        summary.insert("errors".to_owned(), json!(failures));
    }
    if let (Some(_), Some(summary)) = (&next, summary.as_object_mut()) {
        summary.insert("shown".to_owned(), json!(results.len()));
    }
    let mut body = JsonObject::new();
    body.insert("success".to_owned(), json!(failed < total));
    body.extend(error.map(|error| ("error".to_owned(), error)));
    body.insert("summary".to_owned(), summary);
    body.extend(merged.map(|list| (list.to_owned(), merge::take(&mut results, list))));
    body.insert("results".to_owned(), Value::Array(results));
    body.extend(next.map(|token| ("next_targets".to_owned(), json!(token))));
    Ok(body)
}

/// How much the results of one answer may hold: half of the limit, because the text form repeats what the structured one says,
/// and a little less for the frame.
fn room(limit: usize) -> usize {
    (limit / 2).saturating_sub(2048).max(limit / 4)
}

/// The limit of one target's result, so that with its receipt it still has room in an answer.
pub(super) fn share(limit: usize) -> usize {
    (2 * room(limit)).saturating_sub(2048)
}

/// A result that no answer has room for fails alone: as an answer of its own it would hide the way to those behind it.
fn fit(one: &mut Done, room: usize) {
    let bytes = one.body.values().map(|v| v.to_string().len()).sum::<usize>();
    if one.code.is_some() || bytes <= room {
        return;
    }
    let error = finish::body_of(OpError::InvalidInput(format!(
        "the result has {bytes} bytes, and an answer over several targets has room for {room} (MAX_RESULT_BYTES): name this one alone, or ask for less"
    )));
    let mut kept = |keys: &[&str]| -> Vec<_> { keys.iter().filter_map(|key| one.body.remove_entry(*key)).collect() };
    let (named, receipt) = (kept(&["account", "region"]), kept(&["receipt"]));
    let body: JsonObject = named.into_iter().chain(error).chain(receipt).collect();
    one.code = Some(finish::code(&body));
    one.body = body;
}

/// One error for all: the commonest code, and the first target's words for it.
fn total_failure(done: &[Done], failures: &BTreeMap<String, usize>) -> Value {
    let total = done.len();
    let code = failures
        .iter()
        .max_by_key(|(_, n)| **n)
        .map_or("internal", |(code, _)| code);
    let mut errors = done.iter().filter_map(|d| d.body.get("error"));
    let first = errors.clone().find(|e| e.get("code") == Some(&json!(code)));
    let text = |key: &str| {
        first
            .and_then(|e| e.get(key))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let retryable = errors.all(|e| e.get("retryable") == Some(&json!(true)));
    let mut error = json!({
        "code": code,
        "message": format!("all {total} targets failed; the first of the {code} errors: {}", text("message")),
        "retryable": retryable,
    });
    if let (false, Some(error)) = (text("hint").is_empty(), error.as_object_mut()) {
        error.insert("hint".to_owned(), json!(text("hint")));
    }
    error
}

fn label(selected: &Selected) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "default".to_owned());
    format!("{}/{}", part(&selected.account), part(&selected.region))
}

/// Where a cut answer goes on. The cursor names its target, because the registry may have changed since.
fn start(cursor: &str, labels: &[String]) -> Result<usize, OpError> {
    let (at, label): (usize, String) = unpack(cursor)
        .map_err(|_| OpError::InvalidInput("targets_from is not a next_targets that this tool gave".to_owned()))?;
    match labels.iter().position(|l| *l == label) {
        Some(position) if labels.get(at) == Some(&label) => Ok(at.max(position)),
        Some(position) => Ok(position),
        None => {
            let near = nearest(&label, labels.iter().map(String::as_str)).unwrap_or("the first");
            Err(OpError::InvalidInput(format!(
                "targets_from goes on at {label}, which these accounts and regions no longer hold (nearest: {near}): begin anew without it"
            )))
        }
    }
}
