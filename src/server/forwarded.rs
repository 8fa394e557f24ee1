//! The tools of the AWS MCP Server among ours: addressed like the rest, and trusted no further than they say that they only read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject, MetaObject, Tool};
use serde_json::{Value, json};

use crate::{
    aws::{AccountError, Identity, Policy, Selector, Target},
    config::Region,
    ops::{Access, Declaration, OpError},
    upstream::{Definition, Definitions, Forwarded, Forwarder, UpstreamError},
};

use super::{
    Catalogue, Entry, Inner,
    call::{Call, Outcome, receipt},
    catalogue::{Found, Origin},
    filter::{FORWARDED, FORWARDED_PREFIX, Filter},
    schema::{forwarded_answer, lean},
};

/// The argument with which a tool that may change things is told to change none.
pub(super) const READ_ONLY: &str = "read_only";
/// How long a description may be: every client's context holds it.
const LONGEST_DESCRIPTION: usize = 8192;

/// The forwarded tools, made anew whenever their server's list is another.
pub(super) struct Forwarding {
    pub(super) forwarder: Arc<Forwarder>,
    made: Mutex<Option<(Arc<Definitions>, Arc<Tools>)>>,
}

/// What there is to forward, by our names.
#[derive(Default)]
pub(super) struct Tools {
    offered: BTreeMap<String, Entry>,
    hidden: BTreeMap<String, (Entry, String)>,
}

impl Tools {
    /// The tools that may be called.
    pub(super) fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.offered.values()
    }

    /// The tool of this name, and whether it may be called.
    pub(super) fn find(&self, name: &str) -> Option<Found<'_>> {
        let hidden = || self.hidden.get(name).map(|(entry, why)| Found::Hidden(entry, why));
        self.offered.get(name).map(Found::Tool).or_else(hidden)
    }
}

impl Forwarding {
    /// Through this.
    pub(super) fn new(forwarder: Arc<Forwarder>) -> Self {
        Self {
            forwarder,
            made: Mutex::default(),
        }
    }

    /// The tools, asked for if they are not known.
    ///
    /// # Errors
    /// Why their server can't be asked.
    pub(super) async fn tools(&self, catalogue: &Catalogue) -> Result<Arc<Tools>, UpstreamError> {
        if !catalogue.filter().may_forward() {
            return Ok(Arc::default());
        }
        let definitions = self.forwarder.definitions().await?;
        Ok(self.made_of(&definitions, catalogue))
    }

    /// The tools as they were last listed.
    pub(super) fn known(&self, catalogue: &Catalogue) -> Option<Arc<Tools>> {
        Some(self.made_of(&self.forwarder.known()?, catalogue))
    }

    fn made_of(&self, definitions: &Arc<Definitions>, catalogue: &Catalogue) -> Arc<Tools> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, tools)) if Arc::ptr_eq(of, definitions) => tools.clone(),
            _ => {
                let tools = Arc::new(make(definitions, catalogue, self.forwarder.pins()));
                *made = Some((definitions.clone(), tools.clone()));
                tools
            }
        }
    }
}

fn make(definitions: &Definitions, catalogue: &Catalogue, pins: &[(String, String)]) -> Tools {
    let mut tools = Tools::default();
    for definition in definitions.values() {
        let mut entry = Entry::forwarded(definition, catalogue.selector());
        let mut name = entry.tool.name.to_string();
        if catalogue.known(&name).is_some() || tools.find(&name).is_some() {
            name = format!("{FORWARDED_PREFIX}{name}");
            entry.tool.name = name.clone().into();
        }
        if catalogue.known(&name).is_some() || tools.find(&name).is_some() {
            tracing::warn!(tool = ?name, "a forwarded tool is left out: there is another of its name");
            continue;
        }
        match hides(catalogue.filter(), &entry, &definition.hash, pins) {
            Some(why) => drop(tools.hidden.insert(name, (entry, why))),
            None => drop(tools.offered.insert(name, entry)),
        }
    }
    tools
}

/// The setting that hides a tool, as a sentence.
fn hides(filter: &Filter, entry: &Entry, hash: &str, pins: &[(String, String)]) -> Option<String> {
    let name = &entry.tool.name;
    let pin = pins.iter().find(|(pinned, _)| pinned == name);
    match pin {
        None if !pins.is_empty() => return Some("AWS_MCP_PINS does not name it.".to_owned()),
        Some((_, pinned)) if pinned != hash => {
            return Some(format!(
                "Its definition is not the one that AWS_MCP_PINS names (it has SHA-256 {hash}): read it, and pin it anew if it is right."
            ));
        }
        _ => {}
    }
    filter.hides(name, FORWARDED, entry.declaration.access)
}

impl Entry {
    /// A tool of the AWS MCP Server, with the selector's arguments beside its own.
    fn forwarded(definition: &Definition, selector: &JsonObject) -> Self {
        let theirs = &definition.tool;
        let name = if theirs.name.starts_with(FORWARDED_PREFIX) {
            theirs.name.to_string()
        } else {
            format!("{FORWARDED_PREFIX}{}", theirs.name)
        };
        let access = if definition.reads {
            Access::Read
        } else {
            Access::Destroy
        };
        let declaration = Declaration::forwarded(access);
        let mut schema = JsonObject::clone(&theirs.input_schema);
        schema.remove("$schema");
        let open = schema
            .insert("additionalProperties".to_owned(), Value::Bool(false))
            .is_some_and(|v| v != Value::Bool(false));
        let mut renamed = Vec::new();
        let mut properties = match schema.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => JsonObject::new(),
        };
        for field in Selector::ONE.iter().chain(&Selector::MANY).chain([&READ_ONLY]) {
            if let Some(own) = properties.remove(*field) {
                let ours = format!("tool_{field}");
                properties.insert(ours.clone(), own);
                renamed.push((ours, (*field).to_owned()));
            }
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            for name in required {
                if let Some((ours, _)) = renamed.iter().find(|(_, theirs)| name == theirs) {
                    *name = json!(ours);
                }
            }
        }
        properties.extend(selector.clone());
        if access != Access::Read {
            let what = "Run with AWS's ReadOnlyAccess and nothing more; needed for `accounts` and `regions`";
            properties.insert(READ_ONLY.to_owned(), json!({ "type": "boolean", "description": what }));
        }
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.values_mut().for_each(lean);
        let mut tool = Tool::new(name, describe(theirs), schema);
        tool.title.clone_from(&theirs.title);
        tool.output_schema = Some(Arc::new(forwarded_answer()));
        tool.annotations = Some(declaration.annotations());
        let mut meta = MetaObject::default();
        meta.0.insert("aws-ops/definition".to_owned(), json!(definition.hash));
        tool.meta = Some(meta);
        let origin = Origin::Forwarded {
            tool: theirs.name.to_string(),
            renamed,
            open,
        };
        Self {
            tool,
            toolset: FORWARDED,
            declaration,
            origin,
        }
    }

    /// Takes the `read_only` argument out of a call of a forwarded tool, and tells how much the call may do.
    ///
    /// # Errors
    /// Several targets for what may change things; a `read_only` that is no truth value.
    pub(super) fn take_read_only(&self, arguments: &mut JsonObject, many: bool) -> Result<Access, OpError> {
        let access = self.declaration.access;
        if !self.is_forwarded() || access == Access::Read {
            return Ok(access);
        }
        match arguments.remove(READ_ONLY) {
            Some(Value::Bool(true)) => Ok(Access::Read),
            None | Some(Value::Bool(false)) if many => Err(OpError::InvalidInput(format!(
                "{} may change things, and what changes things has one target: name one `account`, or send read_only: true",
                self.tool.name
            ))),
            None | Some(Value::Bool(false)) => Ok(access),
            Some(other) => Err(OpError::InvalidInput(format!(
                "read_only is true or false, not {other}"
            ))),
        }
    }
}

fn describe(tool: &Tool) -> String {
    let description = tool.description.as_deref().unwrap_or_default();
    let cut: String = description.chars().take(LONGEST_DESCRIPTION).collect();
    let more = if cut.len() < description.len() { "…" } else { "" };
    format!("{cut}{more}")
}

/// The target, cut down to what a forwarded call may do.
///
/// # Errors
/// A `read_only` that nothing could enforce.
pub(super) fn scope(target: Target, call: &Call<'_>) -> Result<Target, OpError> {
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
    pub(super) async fn forward(
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

#[cfg(test)]
mod tests;
