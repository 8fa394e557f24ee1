//! The tools of the AWS MCP Server among ours: addressed like the rest, and trusted no further than they say that they only read.

mod answer;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::model::{JsonObject, MetaObject, Tool};
use serde_json::{Value, json};

use crate::{
    aws::Selector,
    ops::{Access, Declaration, OpError},
    upstream::{Definition, Definitions, Forwarder, UpstreamError},
};

use super::{
    Catalogue, Entry, Server,
    catalogue::{Found, Origin},
    filter::{FORWARDED, FORWARDED_PREFIX, Filter},
    schema::{answer, lean},
};

pub(super) use answer::{hint, scope};

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

impl Server {
    /// The input schema of a tool, switched off or not.
    ///
    /// # Errors
    /// That there is no such tool, and what may have been meant.
    pub async fn schema(&self, name: &str) -> Result<Arc<JsonObject>, String> {
        if let Some(entry) = self.0.catalogue.known(name) {
            return Ok(entry.tool.input_schema.clone());
        }
        let forwarded = self.forwarded(name).await;
        match forwarded.as_ref().ok().and_then(|tools| tools.find(name)) {
            Some(Found::Tool(entry) | Found::Hidden(entry, _)) => Ok(entry.tool.input_schema.clone()),
            None => Err(self.unknown(name, &forwarded)),
        }
    }

    /// What is said of a tool that does not exist, or may not because nobody could be asked.
    pub(super) fn unknown(&self, name: &str, forwarded: &Result<Arc<Tools>, UpstreamError>) -> String {
        match forwarded {
            Ok(tools) => self.0.catalogue.unknown(name, tools.offered.keys().map(String::as_str)),
            Err(error) => format!(
                "{} (the AWS MCP Server's tools are not known: {error})",
                self.0.catalogue.unknown(name, std::iter::empty())
            ),
        }
    }

    /// Ends the connections to the AWS MCP Server. Calls that are made later open new ones.
    pub async fn close(&self) {
        if let Some(forwarding) = &self.0.forwarding {
            forwarding.forwarder.close().await;
        }
    }

    /// The forwarded tools that may be called.
    ///
    /// # Errors
    /// Why their server can't be asked.
    pub async fn forwarded_tools(&self) -> Result<Vec<Tool>, UpstreamError> {
        let Some(forwarding) = &self.0.forwarding else {
            return Ok(Vec::new());
        };
        let tools = forwarding.tools(&self.0.catalogue).await?;
        Ok(tools.offered().map(|entry| entry.tool.clone()).collect())
    }

    /// The forwarded tools, if it takes them to know what tool `name` is.
    pub(super) async fn forwarded(&self, name: &str) -> Result<Arc<Tools>, UpstreamError> {
        match &self.0.forwarding {
            Some(forwarding) if self.0.catalogue.known(name).is_none() => forwarding.tools(&self.0.catalogue).await,
            _ => Ok(Arc::default()),
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
        tool.output_schema = Some(Arc::new(answer()));
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
            data: JsonObject::new(),
            declaration,
            origin,
        }
    }

    /// How much a call with these arguments may do, as far as it can be told before they are checked.
    pub(super) fn access_asked(&self, arguments: Option<&JsonObject>) -> Access {
        let asked = arguments.and_then(|a| a.get(READ_ONLY));
        match asked {
            Some(Value::Bool(true)) if self.is_forwarded() => Access::Read,
            _ => self.declaration.access,
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
