//! How a call ended, for the log and for the metrics. Never an argument, never a result.

use std::time::Instant;

use rmcp::{
    RoleServer,
    model::{CallToolResponse, JsonObject, NumberOrString},
    service::RequestContext,
};

use crate::{
    auth::{Caller, RequestId},
    aws::{Identity, Target},
    metrics::{self, ToolCall},
    ops::{OpError, Receipt},
    trace::{self, Span, SpanKind, attribute},
};

use super::{Entry, finish};

/// The environment of accounts of several.
const SEVERAL: &str = "several";
/// The environment of what the registry says nothing of.
const NONE: &str = "none";

/// A call that has ended.
pub(super) struct Ended {
    /// What is answered.
    pub(super) body: JsonObject,
    receipt: Option<Receipt>,
    environment: Option<String>,
}

impl Ended {
    pub(super) fn new(body: JsonObject, receipt: Option<Receipt>, environment: Option<String>) -> Self {
        Self {
            body,
            receipt,
            environment,
        }
    }

    /// One that ended before it had a target.
    pub(super) fn before(error: OpError) -> Self {
        Self::new(finish::body_of(error), None, None)
    }

    /// One line for each call, and one count: who, what, where, how it ended.
    pub(super) fn record(&self, entry: &Entry, caller: &Caller, request_id: Option<RequestId>, started: Instant) {
        let summary = |key: &str| {
            let summary = self.body.get("summary");
            summary.and_then(|s| s.get(key)).and_then(serde_json::Value::as_u64)
        };
        let receipt = self.receipt.clone().unwrap_or_default();
        let (outcome, took) = (finish::code(&self.body), started.elapsed());
        tracing::info!(
            request_id = request_id.map(tracing::field::display),
            tool = %entry.tool.name,
            access = entry.declaration.access.as_str(),
            %caller,
            account_id = receipt.account_id,
            account = receipt.account,
            role_arn = receipt.role_arn,
            profile = receipt.profile.as_ref().map(tracing::field::debug),
            region = receipt.region,
            aws_request_id = receipt.aws_request_id,
            targets = summary("targets"),
            failed = summary("failed"),
            outcome,
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "tool call"
        );
        metrics::record(|m| {
            m.tool_call(ToolCall {
                tool: &entry.tool.name,
                forwarded: entry.is_forwarded(),
                access: entry.declaration.access.as_str(),
                environment: self.environment.as_deref().unwrap_or(NONE),
                outcome: &outcome,
                took,
            });
        });
    }
}

/// The environment that all these targets are in; `several` if there is more than one.
pub(super) fn environment<'a>(targets: impl IntoIterator<Item = Option<&'a Target>>) -> Option<String> {
    let of = |target: Option<&'a Target>| target?.account.as_ref()?.environment.as_deref();
    let mut all = targets.into_iter().map(|target| of(target).unwrap_or(NONE));
    let first = all.next()?;
    let name = if all.all(|one| one == first) { first } else { SEVERAL };
    Some(name.to_owned())
}

/// One target of a call over several ended: with this code, or well.
pub(super) fn target(environment: Option<&str>, code: Option<&str>) {
    metrics::record(|m| m.target(environment.unwrap_or(NONE), code.unwrap_or("ok")));
}

/// The span of a call: below the one that the client names in `_meta`, else below the HTTP request's.
pub(super) fn tool_span(entry: &Entry, context: &RequestContext<RoleServer>) -> Span {
    let parts = context.extensions.get::<http::request::Parts>();
    let request = parts
        .and_then(|p| p.extensions.get::<Span>())
        .cloned()
        .unwrap_or_default();
    let told = trace::remote(|name| context.meta.0.0.get(name)?.as_str());
    let name = || format!("tools/call {}", entry.tool.name);
    let attributes = || {
        let mut all = vec![
            attribute("mcp.method.name", "tools/call"),
            attribute("gen_ai.operation.name", "execute_tool"),
            attribute("gen_ai.tool.name", entry.tool.name.to_string()),
            attribute("aws_ops.access", entry.declaration.access.as_str()),
            attribute("network.transport", if parts.is_some() { "tcp" } else { "pipe" }),
        ];
        all.extend(
            context
                .protocol_version()
                .map(|v| attribute("mcp.protocol.version", v.to_string())),
        );
        // A text would be whatever the client likes.
        if let NumberOrString::Number(id) = context.id {
            all.push(attribute("jsonrpc.request.id", id.to_string()));
        }
        all
    };
    let span = Span::begin(name, SpanKind::Server, told.as_ref().or(request.context()), attributes);
    if told.is_some() {
        span.link(&request);
    }
    span
}

/// How a call's span ends.
pub(super) fn tool_ended(span: &Span, body: &JsonObject) {
    let code = finish::code(body);
    if code != "ok" {
        span.fail(&code);
    }
}

/// The span of a call's work in one target.
pub(super) fn target_span(target: Option<&Target>) -> Span {
    let Some(target) = target else {
        return Span::NONE;
    };
    let attributes = || {
        let account = target.account.as_ref();
        let identity = match target.identity {
            Identity::Role(_) => "role",
            Identity::Profile(_) => "profile",
            Identity::Default => "default",
        };
        let texts = [
            ("cloud.provider", Some("aws".to_owned())),
            ("cloud.account.id", target.account_id().map(ToString::to_string)),
            ("cloud.region", target.region.map(|r| r.to_string())),
            ("aws_ops.account", account.map(|a| a.name.clone())),
            ("aws_ops.environment", account.and_then(|a| a.environment.clone())),
            ("aws_ops.identity", Some(identity.to_owned())),
        ];
        texts
            .into_iter()
            .filter_map(|(key, value)| Some(attribute(key, value?)))
            .collect()
    };
    Span::below(|| "target".to_owned(), SpanKind::Internal, attributes)
}

/// How a target's span ends.
pub(super) fn target_ended(span: &Span, answer: &Result<CallToolResponse, OpError>) {
    let code = match answer {
        Err(error) => serde_json::to_value(error.code()).ok(),
        Ok(CallToolResponse::Complete(answer)) => {
            let body = answer.structured_content.as_ref();
            let failed = answer.is_error == Some(true);
            let code = body.and_then(|b| b.pointer("/error/code")).cloned();
            // rmcp answers arguments that don't parse with plain text.
            failed.then(|| code.unwrap_or_else(|| "invalid_input".into()))
        }
        Ok(_) => None,
    };
    if let Some(code) = code.as_ref().and_then(serde_json::Value::as_str) {
        span.fail(code);
    }
}
