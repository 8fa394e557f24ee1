//! CloudWatch Logs: groups whose events are functions of the time, and a part of the Insights language.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{
    authorise::Check,
    seed::logs::{Group, groups},
    value::{set, text},
};

mod filter;
mod insights;
mod query;

/// How many queries of an account may run at once. Source: CloudWatch Logs quotas.
const QUERIES: usize = 100;

pub(super) struct Logs {
    /// When the sandbox was built, in seconds: what is wrong in it began a little before.
    began: i64,
    queries: Mutex<HashMap<String, query::Query>>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            began: now(),
            queries: Mutex::default(),
        }
    }
}

impl Logs {
    /// A group's name is in its ARN; what only names a query has no resource.
    pub(super) fn checks(&self, operation: &str, input: &Value, context: &RequestContext) -> Vec<Check> {
        let action = format!("logs:{operation}");
        let on = |group: &str| {
            let place = format!("arn:aws:logs:{}:{}", context.region, context.account_id);
            Check::new(action.clone(), format!("{place}:log-group:{group}:*"))
        };
        match operation {
            "StartQuery" => named(input).into_iter().map(on).collect(),
            "FilterLogEvents" => vec![on(text(input, "logGroupName").unwrap_or_default())],
            "DescribeLogGroups" => vec![on("")],
            _ => vec![Check::new(action, "*")],
        }
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        match operation {
            "DescribeLogGroups" => self.describe(input, context),
            "FilterLogEvents" => filter::events(self.began, input, context),
            "StartQuery" => self.start(input, context),
            "GetQueryResults" => self.results(input, context),
            "StopQuery" => self.stop(input, context),
            _ => {
                let text = format!("Unknown operation: {operation}");
                Err(AwsError::bad_request("UnknownOperationException", text))
            }
        }
    }

    fn describe(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let (prefix, pattern) = (text(input, "logGroupNamePrefix"), text(input, "logGroupNamePattern"));
        if prefix.is_some() && pattern.is_some() {
            return Err(invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let limit = input.get("limit").map_or(Some(50), Value::as_u64).unwrap_or_default();
        if !(1..=50).contains(&limit) {
            let text = format!(
                "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"
            );
            return Err(invalid(text));
        }
        let found: Vec<Value> = groups(&context.account_id, &context.region)
            .into_iter()
            .filter(|g| prefix.is_none_or(|p| g.name.starts_with(p)) && pattern.is_none_or(|p| g.name.contains(p)))
            .map(|g| self.described(&g, context))
            .collect();
        let (found, next) = page(found, usize::try_from(limit).unwrap_or(50), input)?;
        Ok(with_token(json!({ "logGroups": found }), next))
    }

    fn described(&self, group: &Group, context: &RequestContext) -> Value {
        let arn = format!(
            "arn:aws:logs:{}:{}:log-group:{}",
            context.region, context.account_id, group.name
        );
        let mut described = json!({
            "logGroupName": group.name, "creationTime": (self.began - 200 * 86_400) * 1000, "metricFilterCount": 0,
            "arn": format!("{arn}:*"), "logGroupArn": arn, "storedBytes": group.stored, "logGroupClass": "STANDARD",
        });
        if let Some(days) = group.retention {
            set(&mut described, "retentionInDays", days);
        }
        described
    }

    fn start(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let query = query::Query::new(input, context, self.began)?;
        let id = uuid::Uuid::new_v4().to_string();
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        if queries.values().filter(|q| q.is_running() && q.is_of(context)).count() >= QUERIES {
            let text = "LimitExceededException: Account maximum query concurrency limit of [100] reached.";
            return Err(AwsError::bad_request("LimitExceededException", text));
        }
        queries.insert(id.clone(), query);
        Ok(json!({ "queryId": id }))
    }

    fn results(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        self.with_query(input, context, query::Query::results)
    }

    fn stop(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        self.with_query(input, context, |query| {
            if query.stop() {
                return Ok(json!({ "success": true }));
            }
            let id = text(input, "queryId").unwrap_or_default();
            Err(invalid(format!("Query {id} is not in a stoppable state")))
        })
    }

    fn with_query(
        &self,
        input: &Value,
        context: &RequestContext,
        done: impl FnOnce(&mut query::Query) -> Result<Value, AwsError>,
    ) -> Result<Value, AwsError> {
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        let id = text(input, "queryId").unwrap_or_default();
        match queries.get_mut(id).filter(|q| q.is_of(context)) {
            Some(query) => done(query),
            None => Err(not_found("The specified query does not exist.")),
        }
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// The groups that a query names.
fn named(input: &Value) -> Vec<&str> {
    let many = input
        .get("logGroupNames")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    many.filter_map(Value::as_str)
        .chain(text(input, "logGroupName"))
        .collect()
}

fn group(name: &str, context: &RequestContext) -> Result<Group, AwsError> {
    let mut all = groups(&context.account_id, &context.region).into_iter();
    all.find(|g| g.name == name)
        .ok_or_else(|| not_found("The specified log group does not exist."))
}

fn page<T>(mut items: Vec<T>, size: usize, input: &Value) -> Result<(Vec<T>, Option<String>), AwsError> {
    let from = match text(input, "nextToken") {
        None => 0,
        Some(token) => {
            let at = token.strip_prefix("at-").and_then(|at| at.parse().ok());
            let at = at.filter(|at| *at <= items.len());
            at.ok_or_else(|| invalid("The specified nextToken is invalid."))?
        }
    };
    let rest = items.split_off(from);
    let next = (rest.len() > size).then(|| format!("at-{}", from + size));
    Ok((rest.into_iter().take(size).collect(), next))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        set(&mut answer, "nextToken", next);
    }
    answer
}

fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterException", text.into())
}

fn not_found(text: &str) -> AwsError {
    AwsError::bad_request("ResourceNotFoundException", text)
}

#[cfg(test)]
mod tests;
