//! The end of every call: one envelope, the receipt, a hint that says who must act, and the text form of it all.

use rmcp::{
    handler::server::tool::IntoCallToolResult as _,
    model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject},
};
use serde_json::{Value, json};

use crate::{
    aws::Identity,
    ops::{Access, ErrorCode, OpError, Receipt},
};

use super::{Entry, call::Outcome, forwarded};

/// The body of an outcome, with hint and receipt, and how it ended: `ok` or the error's code.
pub(super) fn body(entry: &Entry, outcome: &mut Outcome) -> (JsonObject, String) {
    let mut body = match outcome.result.take() {
        Some(Ok(CallToolResponse::Complete(mut answer))) => match answer.structured_content.take() {
            Some(Value::Object(mut body)) => {
                tell_a_part(entry, &mut body);
                body
            }
            // rmcp answers arguments that don't parse with plain text.
            _ => body_of(OpError::InvalidInput(plain_text(&answer))),
        },
        Some(Ok(_)) => body_of(OpError::internal("a tool answered with an unfinished result")),
        Some(Err(error)) => body_of(error),
        None => body_of(OpError::internal("a call ended without a result")),
    };
    let identity = outcome.target.as_ref().map(|t| &t.identity);
    if let Some(Value::Object(error)) = body.get_mut("error")
        && !error.contains_key("hint")
        && let Some(hint) = match entry.is_forwarded() {
            true => forwarded::hint(entry, error, identity, outcome.only_read),
            false => hint(entry, error, identity, outcome.receipt.as_ref()),
        }
    {
        error.insert("hint".to_owned(), json!(hint));
    }
    let receipt = outcome.receipt.as_ref().and_then(|r| serde_json::to_value(r).ok());
    body.extend(receipt.map(|receipt| ("receipt".to_owned(), receipt)));
    let code = code(&body);
    (body, code)
}

/// Says first that a list is cut: who reads its counts has not come to the cursor yet. A tool that counts more than it shows says so itself.
fn tell_a_part(entry: &Entry, body: &mut JsonObject) {
    let Some(Value::Object(data)) = body.get_mut("data").filter(|_| !entry.is_forwarded()) else {
        return;
    };
    if data.contains_key("next_token") && !data.contains_key(PARTIAL) {
        let rest = std::mem::take(data);
        data.insert(
            PARTIAL.to_owned(),
            json!("one part: counts are of what is shown here; next_token goes on"),
        );
        data.extend(rest);
    }
}

/// Where an answer says that there is more.
const PARTIAL: &str = "partial";

/// How a body says that it ended.
pub(super) fn code(body: &JsonObject) -> String {
    body.get("error")
        .and_then(|e| e.get("code"))
        .and_then(Value::as_str)
        .unwrap_or("ok")
        .to_owned()
}

/// The answer of a body: the structured form and, since older clients read only that, the same as text.
pub(super) fn respond(mut body: JsonObject, limit: Option<usize>) -> CallToolResponse {
    let mut text = text_of(&body);
    // The text repeats the structure, so both count.
    if let Some(limit) = limit.filter(|limit| text.len() * 2 > *limit) {
        let receipt = body.remove("receipt");
        body = body_of(OpError::InvalidInput(format!(
            "the result has {} bytes, more than the limit of {limit} (MAX_RESULT_BYTES): ask for less, for example with max_results or a filter",
            text.len() * 2
        )));
        body.extend(receipt.map(|r| ("receipt".to_owned(), r)));
        text = text_of(&body);
    }
    let mut answer = CallToolResult::default();
    answer.is_error = Some(body.get("success") != Some(&Value::Bool(true)));
    answer.content = vec![ContentBlock::text(text)];
    answer.structured_content = Some(Value::Object(body));
    answer.into()
}

/// A body as JSON.
fn text_of(body: &JsonObject) -> String {
    // Keys are strings and nothing in it is a float that JSON lacks: it can't fail.
    serde_json::to_string(body).unwrap_or_default()
}

/// Whether an answer says that AWS no longer takes the keys.
pub(super) fn keys_expired(answer: &CallToolResponse) -> bool {
    let CallToolResponse::Complete(answer) = answer else {
        return false;
    };
    let code = answer
        .structured_content
        .as_ref()
        .and_then(|b| b.pointer("/error/aws_code"))
        .and_then(Value::as_str);
    code.is_some_and(|code| {
        OpError::Aws {
            aws_code: code.to_owned(),
            message: String::new(),
            request_id: None,
            status: 0,
        }
        .keys_expired()
    })
}

pub(super) fn body_of(error: OpError) -> JsonObject {
    match CallToolResult::from(error).structured_content {
        Some(Value::Object(body)) => body,
        _ => JsonObject::new(),
    }
}

fn plain_text(answer: &CallToolResult) -> String {
    let text = answer
        .content
        .first()
        .and_then(|c| c.as_text())
        .map(|t| t.text.clone())
        .unwrap_or_default();
    text.trim_start_matches("failed to deserialize parameters: ").to_owned()
}

/// Who must do what. The tool's declaration knows the action, the receipt the identity, AWS's message the rest.
fn hint(entry: &Entry, error: &JsonObject, identity: Option<&Identity>, receipt: Option<&Receipt>) -> Option<String> {
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let code: ErrorCode = serde_json::from_value(error.get("code")?.clone()).ok()?;
    let access = entry.declaration.access;
    match code {
        ErrorCode::NotFound => not_found(entry, receipt?),
        ErrorCode::AccessDenied => Some(denied(entry, text("message"), identity, receipt)),
        // AWS failed, or nobody heard its answer: either way the change may have been made.
        ErrorCode::Timeout | ErrorCode::Unreachable if access >= Access::Write => Some(outcome_unknown(entry)),
        ErrorCode::Aws | ErrorCode::Throttled if access >= Access::Write && failed_inside(text("aws_code")) => {
            Some(outcome_unknown(entry))
        }
        ErrorCode::Throttled => Some("AWS asks for patience: call again in a few seconds.".to_owned()),
        ErrorCode::Timeout => Some(
            "Ask for less, or raise TOOL_TIMEOUT (TARGET_TIMEOUT for each of several targets) on the server."
                .to_owned(),
        ),
        ErrorCode::Unreachable => {
            Some("Check the region, and the server's network, proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL.".to_owned())
        }
        ErrorCode::Aws if text("aws_code") == "AWSOrganizationsNotInUseException" => {
            Some(format!("This account is in no organization. {MANAGEMENT}"))
        }
        ErrorCode::Aws if matches!(text("aws_code"), "ExpiredToken" | "ExpiredTokenException") => {
            Some("The keys had been revoked; the next call signs in anew: call again.".to_owned())
        }
        _ => None,
    }
}

/// Where it was looked for: most often the name is right, and account or region are not.
fn not_found(entry: &Entry, receipt: &Receipt) -> Option<String> {
    let account = receipt.account.as_ref().or(receipt.account_id.as_ref())?;
    let global = ["iam", "route53", "s3", "organizations"].contains(&entry.toolset);
    let region = receipt.region.as_ref().filter(|_| !global);
    let place = region.map_or_else(|| account.clone(), |region| format!("{account}, {region}"));
    Some(match entry.declaration.access {
        Access::Read if !matches!(entry.toolset, "organizations") => {
            format!("Looked in {place}. With \"accounts\": [\"all\"] the same call looks in every account.")
        }
        _ => format!("Looked in {place}: check the name, and whether this is the right place."),
    })
}

/// Where Organizations answers: elsewhere it denies, whatever the policies say.
const MANAGEMENT: &str = "Organizations answers only in the management account, or in one that it made a delegated administrator: name a role there as role_arn.";

fn outcome_unknown(entry: &Entry) -> String {
    let what_next = if entry.declaration.idempotent {
        "Repeating the same call is safe."
    } else {
        "Read the current state before you repeat it."
    };
    format!("The outcome is unknown: the change may have been made. {what_next}")
}

/// Whether a code means that AWS failed on the way, so that it does not tell how far it got.
fn failed_inside(code: &str) -> bool {
    // The last are Cloud Control's, when what works for it broke off.
    const BROKEN_OFF: [&str; 4] = [
        "GeneralServiceException",
        "HandlerFailureException",
        "NetworkFailureException",
        "NotStabilizedException",
    ];
    code.contains("Internal") || code.contains("Unavailable") || BROKEN_OFF.contains(&code)
}

fn denied(entry: &Entry, message: &str, identity: Option<&Identity>, receipt: Option<&Receipt>) -> String {
    // AWS names the action that it refused in most messages; S3 does not, and then the declaration does.
    let named = message
        .split("perform: ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let action = named.map_or_else(
        || entry.declaration.actions.join(", "),
        |a| a.trim_end_matches('.').to_owned(),
    );
    let whose = match identity {
        Some(Identity::Role(role)) => format!("the policies of {}", role.role),
        Some(Identity::Profile(profile)) => format!("the policies of profile `{profile}`'s identity"),
        _ => "the policies of the server's own identity (name an `account` to act in one)".to_owned(),
    };
    let account = receipt
        .and_then(|r| r.account_id.as_deref())
        .map(|id| format!(" in account {id}"))
        .unwrap_or_default();
    if message.contains("session policy") && entry.declaration.broadly {
        return format!(
            "{} looks with AWS's managed policy ReadOnlyAccess and nothing more, and that does not allow {action}.",
            entry.tool.name
        );
    }
    if message.contains("session policy") && entry.declaration.service_of.is_some() {
        return format!(
            "{} gives its session the type's own service and nothing more, and AWS wanted {action}: this change is not one for this tool.",
            entry.tool.name
        );
    }
    if message.contains("session policy") {
        return format!(
            "This call's session may do only what {} declares, on the resource that its arguments name, and AWS wanted {action}: most likely \
             there is no such resource under that name in this account and region.",
            entry.tool.name
        );
    }
    if message.contains("explicit deny") {
        format!(
            "{action} is explicitly denied{account}: {whose}, a permissions boundary, an SCP or a resource policy says Deny. Who owns the account decides whether that should change."
        )
    } else if entry.toolset == "organizations" && named.is_none() {
        MANAGEMENT.to_owned()
    } else {
        // S3 gives no reasons, and refuses a bucket of another account with the same words.
        let foreign = if entry.toolset == "s3" && named.is_none() {
            " Or the bucket is another account's: each request says that it must be this one's."
        } else {
            ""
        };
        format!(
            "Most likely {whose}{account} do not allow {action}: who owns the account adds it, if it should be allowed.{foreign}"
        )
    }
}

/// What a tool that failed before it ran would have answered.
impl From<OpError> for CallToolResult {
    fn from(error: OpError) -> Self {
        match error.into_call_tool_result() {
            Ok(CallToolResponse::Complete(result)) => result,
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Catalogue;

    fn hint_of(tool: &str, aws_code: &str, status: u16) -> String {
        let catalogue = Catalogue::new(true).unwrap();
        let error = OpError::Aws {
            aws_code: aws_code.to_owned(),
            message: String::new(),
            request_id: None,
            status,
        };
        let mut outcome = Outcome {
            result: Some(Err(error)),
            ..Outcome::default()
        };
        let (body, _) = body(catalogue.get(tool).unwrap(), &mut outcome);
        body["error"]
            .get("hint")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn a_change_on_which_aws_failed_has_an_unknown_outcome_and_a_throttled_one_has_none() {
        let read_first = "Read the current state before you repeat it.";
        for code in [
            "InternalFailure",
            "InternalServiceError",
            "ServiceUnavailable",
            "Unavailable",
            "NetworkFailureException",
        ] {
            assert!(
                hint_of("change_resource_record_sets", code, 500).ends_with(read_first),
                "{code}"
            );
            assert!(hint_of("update_secret", code, 503).ends_with(read_first), "{code}");
            assert!(
                hint_of("put_object", code, 503).ends_with("Repeating the same call is safe."),
                "{code}"
            );
            assert!(!hint_of("list_secrets", code, 500).contains("outcome"), "{code}");
        }
        assert!(hint_of("change_resource_record_sets", "Throttling", 400).contains("call again"));
    }
}
