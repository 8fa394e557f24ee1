//! `ListSecrets`: the emulator looks for filters anywhere in a text, where AWS looks at its beginning.

use awsim_core::{AwsError, RequestContext, decode_token, encode_token};
use awsim_secretsmanager::state::{Secret, SecretsState};
use serde_json::{Value, json};

use super::Secrets;
use crate::sandbox::value::set;

impl Secrets {
    pub(super) async fn list(
        &self,
        state: &SecretsState,
        input: &Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let limit = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(100);
        if !(1..=100).contains(&limit) {
            return Err(AwsError::validation(format!(
                "1 validation error detected: Value '{limit}' at 'maxResults' failed to satisfy constraint: Member must \
                 have value between 1 and 100"
            )));
        }
        let planned = input
            .get("IncludePlannedDeletion")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        let filters: Vec<&Value> = input
            .get("Filters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let mut found: Vec<(String, String)> = state
            .secrets
            .iter()
            .filter(|s| planned || s.deleted_date.is_none())
            .filter(|s| filters.iter().all(|filter| matches(filter, s, &context.region)))
            .map(|s| (format!("{:020.6}|{}", s.created_date, s.name), s.name.clone()))
            .collect();
        found.sort();
        if input.get("SortOrder").and_then(Value::as_str) == Some("desc") {
            found.reverse();
        }
        let start = match input.get("NextToken").and_then(Value::as_str) {
            None => 0,
            Some(token) => decode_token(token)
                .ok()
                .and_then(|last| found.iter().position(|(key, _)| *key == last))
                .map(|at| at + 1)
                .ok_or_else(|| AwsError::bad_request("InvalidNextTokenException", "Invalid NextToken."))?,
        };
        let page: Vec<_> = found
            .iter()
            .skip(start)
            .take(usize::try_from(limit).unwrap_or(100))
            .collect();

        let mut entries = Vec::with_capacity(page.len());
        for (_, name) in &page {
            let about = self
                .call("DescribeSecret", json!({ "SecretId": name }), context)
                .await?;
            entries.push(listed(described(about)));
        }
        let mut answer = json!({ "SecretList": entries });
        if let Some((key, _)) = page.last().filter(|_| start + page.len() < found.len()) {
            set(&mut answer, "NextToken", encode_token(key));
        }
        Ok(answer)
    }
}

/// One filter: any of its values may match, and `!` before a value turns it round.
fn matches(filter: &Value, secret: &Secret, region: &str) -> bool {
    let key = filter.get("Key").and_then(Value::as_str).unwrap_or_default();
    let values = filter
        .get("Values")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    values.into_iter().any(|value| match value.strip_prefix('!') {
        Some(value) => !holds(key, value, secret, region),
        None => holds(key, value, secret, region),
    })
}

fn holds(key: &str, value: &str, secret: &Secret, region: &str) -> bool {
    let lower = |text: &str| text.to_lowercase();
    match key {
        "name" => secret.name.starts_with(value),
        "description" => lower(&secret.description).starts_with(&lower(value)),
        "tag-key" => secret.tags.keys().any(|k| k.starts_with(value)),
        "tag-value" => secret.tags.values().any(|v| v.starts_with(value)),
        "primary-region" => region.starts_with(value),
        "all" => {
            let tags = secret.tags.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()]);
            let texts: Vec<String> = [secret.name.as_str(), secret.description.as_str()]
                .into_iter()
                .chain(tags)
                .map(lower)
                .collect();
            lower(value)
                .split_whitespace()
                .all(|word| texts.iter().any(|text| text.contains(word)))
        }
        _ => false,
    }
}

/// Without what AWS leaves out when there is nothing to say.
pub(super) fn described(mut secret: Value) -> Value {
    if let Some(map) = secret.as_object_mut() {
        let empty = |value: &Value| {
            value.as_str().is_some_and(str::is_empty)
                || value.as_array().is_some_and(Vec::is_empty)
                || *value == Value::Bool(false)
        };
        map.remove("OwnerAccountId");
        if map.get("ReplicationStatus").is_some_and(empty) {
            map.remove("PrimaryRegion");
        }
        if let Some(stages) = map.get_mut("VersionIdsToStages").and_then(Value::as_object_mut) {
            stages.retain(|_, stages| !empty(stages));
        }
        map.retain(|_, value| !empty(value));
    }
    by_day(secret)
}

/// AWS says on which day something was last read, and no more.
pub(super) fn by_day(mut answer: Value) -> Value {
    let day = |entry: &mut Value| {
        if let Some(at) = entry.get("LastAccessedDate").and_then(Value::as_f64) {
            set(entry, "LastAccessedDate", at - at.rem_euclid(86_400.0));
        }
    };
    day(&mut answer);
    let versions = answer.get_mut("Versions").and_then(Value::as_array_mut);
    versions.into_iter().flatten().for_each(day);
    answer
}

/// A list spells the versions' field differently than a description.
fn listed(mut secret: Value) -> Value {
    if let Some(map) = secret.as_object_mut()
        && let Some(stages) = map.remove("VersionIdsToStages")
    {
        map.insert("SecretVersionsToStages".to_owned(), stages);
    }
    secret
}
