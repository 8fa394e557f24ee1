//! Changing a resource: the patch is applied here first, so that the difference is seen and a mistake never sent.

use std::time::Duration;

use aws_sdk_cloudcontrol::{
    Client,
    types::{OperationStatus, ProgressEvent},
};
use json_patch::Patch;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ops::{ErrorCode, OpError, Ops, dated, without_secrets};

use super::{explained, model::cut};

/// Cloud Control's own part of an update; the service's is the type's.
pub(super) const ACTIONS: &[&str] = &[
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
];

/// How long a value in a difference may be.
const LONGEST: usize = 400;
/// The first wait for an outcome, and the longest: many changes take a second, some take half an hour.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Arguments of `update_resource`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateResource {
    pub(super) type_name: String,
    identifier: String,
    /// RFC 6902
    patch: Vec<Map<String, Value>>,
    /// Only show what would change
    #[serde(default)]
    dry_run: bool,
    /// Makes a repetition safe
    client_token: Option<String>,
}

/// Answer of `update_resource`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Updated {
    type_name: String,
    identifier: String,
    /// SUCCESS, FAILED, IN_PROGRESS, …; DRY_RUN when nothing was sent
    status: String,
    /// Each as `path: old → new`
    changes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    /// What get_resource_request_status asks by
    #[serde(skip_serializing_if = "Option::is_none")]
    request_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Answer of `get_resource_request_status`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Progress {
    /// PENDING, IN_PROGRESS, SUCCESS, FAILED, …
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    type_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    /// When it got there
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
}

/// Applies the patch here, and then at AWS.
pub(super) async fn run(ops: &Ops, type_name: String, input: UpdateResource) -> Result<Updated, OpError> {
    let patch = read(&input.patch)?;
    let (identifier, before) = ops.model(&type_name, &input.identifier).await?;
    let after = applied(&before, &patch, &input.patch)?;
    let mut changes = Vec::new();
    differences("", &before, &after, &mut changes);
    let mut updated = Updated {
        type_name,
        identifier,
        status: "DRY_RUN".to_owned(),
        changes,
        error_code: None,
        status_message: None,
        request_token: None,
        note: None,
    };
    if input.dry_run {
        updated.note =
            Some("Nothing was sent. AWS may still refuse the change, or replace the resource for it.".to_owned());
        return Ok(updated);
    }
    if updated.changes.is_empty() {
        updated.status = "UNCHANGED".to_owned();
        updated.note = Some("The resource is like this already; nothing was sent.".to_owned());
        return Ok(updated);
    }
    let document = serde_json::to_string(&patch).map_err(OpError::internal)?;
    let request = ops.client(Client::new)?.update_resource();
    let sent = request
        .type_name(&updated.type_name)
        .identifier(&updated.identifier)
        .patch_document(document)
        // The SDK makes a token where the call brings none, so that its own retries update once.
        .set_client_token(input.client_token)
        .send()
        .await;
    let sent = sent.map_err(|e| explained(e.into(), &updated.type_name))?;
    let event = sent.progress_event.unwrap_or_else(|| ProgressEvent::builder().build());
    outcome(ops, event, &mut updated).await?;
    Ok(updated)
}

/// Waits until AWS says how it ended, as long as the call may take.
async fn outcome(ops: &Ops, mut event: ProgressEvent, updated: &mut Updated) -> Result<(), OpError> {
    let token = event.request_token.clone().unwrap_or_default();
    let (mut wait, longest) = WAITS;
    let mut trouble = None;
    while unfinished(&event) && !token.is_empty() {
        if !ops.pause(wait).await {
            break;
        }
        wait = (wait * 2).min(longest);
        match status(ops, &token).await {
            Ok(next) => event = next,
            Err(error) if error.code() == ErrorCode::AccessDenied => return Err(sent_but(&token, error)),
            // What was sent goes on all the same, and its token tells of it later.
            Err(error) => {
                trouble = Some(error);
                break;
            }
        }
    }
    updated.status = word(&event);
    if unfinished(&event) {
        let why = trouble.map_or_else(String::new, |e| format!(" ({e})"));
        updated.note = Some(format!(
            "AWS is still at it{why}: ask get_resource_request_status with the request_token. Don't send the change again."
        ));
    }
    if matches!(event.operation_status, Some(OperationStatus::Failed)) {
        updated.note = Some("AWS may have made a part of the change: get_resource shows what is so now.".to_owned());
    }
    updated.error_code = event.error_code.as_ref().map(|c| c.as_str().to_owned());
    updated.status_message = event.status_message.filter(|m| !m.is_empty());
    updated.request_token = Some(token).filter(|t| !t.is_empty());
    Ok(())
}

fn unfinished(event: &ProgressEvent) -> bool {
    use OperationStatus::{CancelComplete, Failed, Success};
    !matches!(event.operation_status, Some(CancelComplete | Failed | Success))
}

fn word(event: &ProgressEvent) -> String {
    event
        .operation_status
        .as_ref()
        .map_or("UNKNOWN", OperationStatus::as_str)
        .to_owned()
}

/// A refusal to tell the outcome of what was sent.
fn sent_but(token: &str, error: OpError) -> OpError {
    match error {
        OpError::Aws {
            aws_code,
            message,
            request_id,
            status,
        } => OpError::Aws {
            message: format!(
                "the update was sent (request token {token}), but its outcome could not be asked for: {message}"
            ),
            aws_code,
            request_id,
            status,
        },
        other => other,
    }
}

async fn status(ops: &Ops, token: &str) -> Result<ProgressEvent, OpError> {
    let request = ops.client(Client::new)?.get_resource_request_status();
    let answer = request.request_token(token).send().await?;
    Ok(answer
        .progress_event
        .unwrap_or_else(|| ProgressEvent::builder().build()))
}

/// How far a request has got.
pub(super) async fn progress(ops: &Ops, token: &str) -> Result<Progress, OpError> {
    let event = status(ops, token).await?;
    Ok(Progress {
        status: word(&event),
        operation: event.operation.as_ref().map(|o| o.as_str().to_owned()),
        error_code: event.error_code.as_ref().map(|c| c.as_str().to_owned()),
        event_time: event.event_time.as_ref().map(|t| dated(t, ops.now())),
        type_name: event.type_name,
        identifier: event.identifier,
        status_message: event.status_message.filter(|m| !m.is_empty()),
    })
}

fn read(operations: &[Map<String, Value>]) -> Result<Patch, OpError> {
    if operations.is_empty() {
        return Err(OpError::InvalidInput(
            "`patch` is empty: give operations such as {\"op\": \"replace\", \"path\": \"/Name\", \"value\": 1}"
                .to_owned(),
        ));
    }
    let mut read = Vec::new();
    for (number, operation) in (1..).zip(operations) {
        let one = serde_json::from_value(Value::Object(operation.clone())).map_err(|e| {
            OpError::InvalidInput(format!(
                "operation {number} of `patch` is not one of JSON Patch: {e}; right would be {{\"op\": \"replace\", \"path\": \"/Name\", \"value\": 1}}"
            ))
        })?;
        read.push(one);
    }
    Ok(Patch(read))
}

/// The model after the patch.
fn applied(before: &Value, patch: &Patch, operations: &[Map<String, Value>]) -> Result<Value, OpError> {
    let mut after = before.clone();
    json_patch::patch(&mut after, patch).map_err(|error| {
        let part = |name: &str| {
            let told = operations.get(error.operation).and_then(|o| o.get(name));
            told.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let has: Vec<&str> = before
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        OpError::InvalidInput(format!(
            "nothing was sent: operation {} of `patch`, {} {}, does not fit the resource as it is: {}. It has {}",
            error.operation + 1,
            part("op"),
            part("path"),
            error.kind,
            has.join(", ")
        ))
    })?;
    Ok(after)
}

/// What differs, each as `path: old → new`.
fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let path = format!("{path}/{}", escaped(key));
                match new.get(key) {
                    Some(new) => differences(&path, value, new, found),
                    None => found.push(format!("{path}: {} → (absent)", shown(&path, value))),
                }
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                let path = format!("{path}/{}", escaped(key));
                found.push(format!("{path}: (absent) → {}", shown(&path, value)));
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}/{at}"), old, new, found);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            found.extend(
                old.iter()
                    .filter(|v| !new.contains(v))
                    .map(|v| format!("{path}: removed {}", shown(path, v))),
            );
            found.extend(
                new.iter()
                    .filter(|v| !old.contains(v))
                    .map(|v| format!("{path}: added {}", shown(path, v))),
            );
        }
        _ => found.push(format!("{path}: {} → {}", shown(path, before), shown(path, after))),
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value, without what may be secret in it.
fn shown(path: &str, value: &Value) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    cut(&without_secrets(name, value).to_string(), LONGEST)
}
