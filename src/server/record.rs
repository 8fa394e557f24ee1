//! How a call ended, for the log and for the metrics. Never an argument, never a result.

use std::time::Instant;

use rmcp::model::JsonObject;

use crate::{
    auth::{Caller, RequestId},
    aws::Target,
    metrics::{self, ToolCall},
    ops::{OpError, Receipt},
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
