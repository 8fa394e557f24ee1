//! One forwarded call: signed in, cut down, answered in our shape.

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject};
use serde_json::{Value, json};

use crate::{
    aws::{AccountError, Identity, Policy, Target},
    config::Region,
    ops::{Access, ErrorCode, OpError},
    upstream::{Forwarded, Forwarder},
};

use super::super::{
    Entry, Inner,
    call::{Call, Outcome, receipt},
    catalogue::Origin,
};

/// The target, cut down to what a forwarded call may do.
///
/// # Errors
/// A `read_only` that nothing could enforce.
pub(in crate::server) fn scope(target: Target, call: &Call<'_>) -> Result<Target, OpError> {
    let asked = call.access != call.entry.declaration.access;
    if asked && !matches!(target.identity, Identity::Role(_)) {
        return Err(OpError::InvalidInput(
            "read_only is enforced by the session of a role, and this target has none: name an `account` with a role, or leave read_only out"
                .to_owned(),
        ));
    }
    let reading = call.access == Access::Read;
    Ok(target.for_forwarding(&Policy::through_aws_mcp(reading), !reading))
}

impl Inner {
    /// Runs a forwarded tool in `target`.
    ///
    /// # Errors
    /// Why it can't be signed in or forwarded, or what the tool said.
    pub(in crate::server) async fn forward(
        &self,
        call: &Call<'_>,
        target: &Target,
        outcome: &mut Outcome,
    ) -> Result<CallToolResponse, OpError> {
        let Some(forwarding) = &self.forwarding else {
            return Err(OpError::internal("a forwarded tool without a way to forward"));
        };
        let session = match self.aws.session(target).await {
            Ok(session) => Some(session),
            // The tools that only tell what AWS's documentation says want no signature.
            Err(AccountError::None { .. }) if target.identity == Identity::Default => None,
            Err(error) => return Err(error.into()),
        };
        let mut receipt = receipt(Some(target), session.as_deref()).await;
        let region = session
            .as_ref()
            .map(|s| s.region())
            .or(target.region)
            .unwrap_or(Region::DEFAULT);
        receipt.via = Some(forwarding.forwarder.endpoint(region).host().to_owned());
        let account = receipt.account_id.clone().unwrap_or_default();
        outcome.receipt = Some(receipt);
        answer(&forwarding.forwarder, call, target, (&account, region)).await
    }
}

/// Forwards a call, and puts the answer into our shape.
async fn answer(
    forwarder: &Forwarder,
    call: &Call<'_>,
    target: &Target,
    (account, region): (&str, Region),
) -> Result<CallToolResponse, OpError> {
    let Origin::Forwarded { tool, renamed, .. } = &call.entry.origin else {
        return Err(OpError::internal("a tool of our own was to be forwarded"));
    };
    let mut arguments = call.arguments.clone();
    for (ours, theirs) in renamed {
        if let Some(value) = arguments.remove(ours) {
            arguments.insert(theirs.clone(), value);
        }
    }
    let forwarded = Forwarded {
        identity: &target.identity,
        account,
        region,
        tool,
        arguments: &arguments,
        repeatable: call.access == Access::Read,
    };
    match forwarder.call(&forwarded).await? {
        CallToolResponse::Complete(answer) if answer.is_error == Some(true) => {
            Err(OpError::ToolFailed(texts(&answer.content).join("\n")))
        }
        CallToolResponse::Complete(answer) => {
            let limit = call
                .max_bytes
                .map_or(usize::MAX, |bytes| bytes / 2)
                .saturating_sub(2048);
            let body = json!({ "success": true, "data": data(answer, limit) });
            let mut reply = CallToolResult::default();
            reply.structured_content = Some(body);
            Ok(reply.into())
        }
        _ => Err(OpError::ToolFailed(
            "it wants to ask the user something, which can't be forwarded".to_owned(),
        )),
    }
}

/// Who must do what about a forwarded call that failed.
pub(in crate::server) fn hint(
    entry: &Entry,
    error: &JsonObject,
    identity: Option<&Identity>,
    only_read: bool,
) -> Option<String> {
    let code: ErrorCode = serde_json::from_value(error.get("code")?.clone()).ok()?;
    let whose = match identity {
        Some(Identity::Role(role)) => format!("{}", role.role),
        Some(Identity::Profile(profile)) => format!("profile `{profile}`'s identity"),
        _ => "the server's own identity (name an `account` to act in one)".to_owned(),
    };
    let unknown = entry.declaration.access > Access::Read && !only_read;
    match code {
        ErrorCode::Timeout | ErrorCode::Unreachable if unknown => Some(
            "The outcome is unknown: the change may have been made. Read the current state before you repeat it."
                .to_owned(),
        ),
        ErrorCode::Timeout => Some("Ask for less, or raise AWS_MCP_TIMEOUT on the server.".to_owned()),
        ErrorCode::Throttled => Some(
            "AWS's MCP server takes 3 requests a second of each account: call again in a few seconds, or use a native tool."
                .to_owned(),
        ),
        ErrorCode::AccessDenied => Some(format!(
            "AWS's MCP server does not take the signature of {whose}: check that the identity is allowed there (an SCP or a policy may deny \
             what has aws:ViaAWSMCPService), and AWS_MCP_ENDPOINT's region."
        )),
        ErrorCode::Credentials => Some("AWS no longer took the keys; the next call signs in anew: call again.".to_owned()),
        ErrorCode::Unreachable => Some(
            "Check the server's network and proxy (HTTPS_PROXY) and AWS_MCP_ENDPOINT; the native tools don't need it."
                .to_owned(),
        ),
        ErrorCode::Aws if error.get("message")?.as_str()?.contains("(JSON-RPC ") => Some(
            "The tool or its arguments are not what they were: list the tools again.".to_owned(),
        ),
        ErrorCode::Aws => Some(format!(
            "If it says that something is denied: forwarded calls act as {whose}, and only as far as its policies and AWS's MCP server let them{}.",
            if only_read || entry.declaration.access == Access::Read {
                "; this one was cut down to ReadOnlyAccess"
            } else {
                ""
            }
        )),
        _ => None,
    }
}

/// What a tool answered, as data: its structured content, else its text, read as JSON where it is JSON.
fn data(answer: CallToolResult, limit: usize) -> Value {
    if let Some(structured) = answer.structured_content {
        return structured;
    }
    let all_text = answer.content.iter().all(|c| c.as_text().is_some());
    if !all_text {
        return json!({ "content": answer.content });
    }
    let text = texts(&answer.content).join("\n");
    if text.trim_start().starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<Value>(&text)
    {
        return value;
    }
    // As JSON it grows by its escapes, which are few in prose.
    match text.char_indices().find(|(at, _)| *at >= limit) {
        None => json!({ "text": text }),
        Some((at, _)) => json!({
            "text": text.get(..at).unwrap_or_default(),
            "truncated": format!("{at} of {} bytes: ask for less", text.len()),
        }),
    }
}

fn texts(content: &[ContentBlock]) -> Vec<&str> {
    content
        .iter()
        .filter_map(|c| c.as_text())
        .map(|t| t.text.as_str())
        .collect()
}
