//! The tools as clients see them: each service's declarations, plus the selector, plus the hints.

use std::{collections::BTreeMap, sync::Arc};

use rmcp::{
    handler::server::{common::schema_for_input, router::tool::ToolRouter},
    model::{JsonObject, Tool},
};
use serde_json::{Value, json};

use crate::{
    aws::Selector,
    config::{Profiles, ToolsConfig, value::nearest},
    ops::{Access, Declaration, OpError, Ops},
    services,
};

use super::{
    filter::Filter,
    schema::{answer, lean},
    scope::ReadPolicies,
};

/// Every tool, in the order in which it is shown.
pub struct Catalogue {
    router: ToolRouter<Ops>,
    order: Vec<String>,
    entries: BTreeMap<String, Entry>,
    hidden: BTreeMap<String, (Entry, String)>,
    policies: ReadPolicies,
    filter: Filter,
    selector: JsonObject,
}

/// What the tools that a server has depend on.
#[derive(Clone, Debug, Default)]
pub struct CatalogueOptions {
    /// Which profiles tools take.
    pub profiles: Profiles,
    /// Which tools there are.
    pub tools: ToolsConfig,
}

impl<P: Into<Profiles>> From<P> for CatalogueOptions {
    /// Every tool, with these profiles; `true` and `false` stand for all and none.
    fn from(profiles: P) -> Self {
        Self {
            profiles: profiles.into(),
            tools: ToolsConfig {
                toolsets: vec!["all".to_owned()],
                ..ToolsConfig::default()
            },
        }
    }
}

/// A tool that exists.
pub(super) enum Found<'a> {
    /// One that may be called.
    Tool(&'a Entry),
    /// One that is switched off, and the setting that does it.
    Hidden(&'a Entry, &'a str),
}

/// One tool.
#[derive(Debug)]
pub struct Entry {
    /// As clients see it.
    pub tool: Tool,
    /// Which service it belongs to.
    pub toolset: &'static str,
    /// What a success's `data` holds, as JSON Schema; empty where only its own server knows.
    pub data: JsonObject,
    /// What it declares.
    pub declaration: Declaration,
    /// Who does the work.
    pub(super) origin: Origin,
}

/// Who does a tool's work.
#[derive(Debug)]
pub(super) enum Origin {
    /// A method here.
    Here,
    /// The AWS MCP Server, by its own names for the tool and for the arguments that the selector's would hide.
    Forwarded {
        tool: String,
        renamed: Vec<(String, String)>,
        /// Whether it takes arguments that it does not describe.
        open: bool,
    },
}

impl Catalogue {
    /// Every service's tools that the options leave. `true` and `false` stand for all of them, with and without profiles.
    ///
    /// # Errors
    /// A filter that names what does not exist or leaves nothing; or a mistake in the program: two tools of one name, or one
    /// that uses the selector's words for something else.
    pub fn new(options: impl Into<CatalogueOptions>) -> Result<Self, String> {
        let options = options.into();
        let selector = selector_properties(&options.profiles)?;
        let toolsets = services::toolsets();
        let filter = Filter::new(&options.tools, &toolsets)?;
        let (mut order, mut entries, mut hidden) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut router = ToolRouter::new();
        for (toolset, mut tools) in toolsets {
            for tool in tools.list_all() {
                let name = tool.name.to_string();
                let entry = Entry::new(tool, toolset, &selector)?;
                if entries.contains_key(&name) || hidden.contains_key(&name) {
                    return Err(format!("two tools are called `{name}`"));
                }
                if let Some(why) = filter.hides(&name, toolset, entry.declaration.access) {
                    // Without a route it can't run, whoever forgets to ask.
                    tools.remove_route(&name);
                    hidden.insert(name, (entry, why));
                } else {
                    entries.insert(name.clone(), entry);
                    order.push(name);
                }
            }
            router += tools;
        }
        if order.is_empty() && !filter.forwards() {
            return Err("TOOLSETS, TOOLS, EXCLUDE_TOOLS and READ_ONLY leave no tool".to_owned());
        }
        let policies = ReadPolicies::new(entries.values())?;
        Ok(Self {
            router,
            order,
            entries,
            hidden,
            policies,
            filter,
            selector,
        })
    }

    /// The filters, for tools that are not known at the start.
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The selector's arguments as JSON Schema.
    pub(super) fn selector(&self) -> &JsonObject {
        &self.selector
    }

    /// The sessions' policies of the tools that only look.
    pub(super) fn policies(&self) -> &ReadPolicies {
        &self.policies
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The tool of this name, switched off or not.
    pub fn known(&self, name: &str) -> Option<&Entry> {
        self.get(name).or_else(|| self.hidden.get(name).map(|(entry, _)| entry))
    }

    /// The tool of this name, and whether it may be called.
    pub(super) fn find(&self, name: &str) -> Option<Found<'_>> {
        let hidden = || self.hidden.get(name).map(|(entry, why)| Found::Hidden(entry, why));
        self.get(name).map(Found::Tool).or_else(hidden)
    }

    /// Every tool, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.order.iter().filter_map(|name| self.entries.get(name))
    }

    /// Every tool as `tools/list` shows it.
    pub fn tools(&self) -> Vec<Tool> {
        self.entries().map(|entry| entry.tool.clone()).collect()
    }

    /// What runs them.
    pub(super) fn router(&self) -> &ToolRouter<Ops> {
        &self.router
    }

    /// What is said of a tool that neither exists here nor among `others`.
    pub(super) fn unknown<'a>(&'a self, name: &str, others: impl Iterator<Item = &'a str>) -> String {
        match nearest(name, self.order.iter().map(String::as_str).chain(others)) {
            Some(near) => format!("unknown tool `{name}`; did you mean `{near}`?"),
            None => format!("unknown tool `{name}`; tools/list shows the tools"),
        }
    }
}

impl Entry {
    fn new(mut tool: Tool, toolset: &'static str, selector: &JsonObject) -> Result<Self, String> {
        let declaration = Declaration::of(&tool);
        let mut schema = JsonObject::clone(&tool.input_schema);
        schema.remove("$schema");
        let properties = schema
            .entry("properties")
            .or_insert_with(|| Value::Object(JsonObject::new()));
        if let Value::Object(properties) = properties {
            if let Some(taken) = Selector::ONE
                .iter()
                .chain(&Selector::MANY)
                .find(|f| properties.contains_key(**f))
            {
                return Err(format!(
                    "tool `{}` uses the selector's argument `{taken}` for something else",
                    tool.name
                ));
            }
            let takes = |field: &str| {
                declaration.targeted && (Selector::ONE.contains(&field) || declaration.access == Access::Read)
            };
            properties.extend(selector.clone().into_iter().filter(|(field, _)| takes(field)));
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        schema.values_mut().for_each(lean);
        tool.input_schema = Arc::new(schema);
        let data = tool.output_schema.as_deref().map(data_schema).unwrap_or_default();
        tool.output_schema = Some(Arc::new(answer()));
        tool.meta = Some(declaration.shown());
        tool.annotations = Some(declaration.annotations());
        Ok(Self {
            tool,
            toolset,
            data,
            declaration,
            origin: Origin::Here,
        })
    }

    /// Whether it is forwarded.
    pub fn is_forwarded(&self) -> bool {
        matches!(self.origin, Origin::Forwarded { .. })
    }

    /// Takes the selector out of a call's arguments, and checks that what is left are arguments of this tool.
    ///
    /// # Errors
    /// An argument that the tool does not have, with what it may have meant.
    pub fn take_selector(&self, mut arguments: JsonObject) -> Result<(Option<Selector>, JsonObject), OpError> {
        let known: Vec<&str> = match self.tool.input_schema.get("properties") {
            Some(Value::Object(properties)) => properties.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let open = matches!(self.origin, Origin::Forwarded { open: true, .. });
        if let Some(unknown) = arguments.keys().find(|k| !open && !known.contains(&k.as_str())) {
            let meant = nearest(unknown, known.iter().copied())
                .map(|n| format!("; did you mean `{n}`?"))
                .unwrap_or_default();
            let takes = if known.is_empty() {
                "it takes none".to_owned()
            } else {
                format!("it takes {}", known.join(", "))
            };
            return Err(OpError::InvalidInput(format!(
                "{} has no argument `{unknown}`{meant} ({takes})",
                self.tool.name
            )));
        }
        if !self.declaration.targeted {
            return Ok((None, arguments));
        }
        let chosen: JsonObject = Selector::ONE
            .iter()
            .chain(&Selector::MANY)
            .filter_map(|f| arguments.remove_entry(*f))
            .collect();
        let selector = serde_json::from_value(Value::Object(chosen));
        let selector = selector.map_err(|e| {
            OpError::InvalidInput(format!(
                "account, role_arn, profile and region are strings, accounts and regions lists of strings: {e}"
            ))
        })?;
        Ok((Some(selector), arguments))
    }
}

/// What a reply's `data` holds, with the types that it is made of.
fn data_schema(reply: &JsonObject) -> JsonObject {
    let data = reply.get("properties").and_then(|p| p.get("data"));
    let mut schema = data.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(types) = reply.get("$defs") {
        let mut types = types.clone();
        // Types describe themselves for readers of the code; for others their fields' names and descriptions do.
        let each = types.as_object_mut().into_iter().flat_map(JsonObject::values_mut);
        each.filter_map(Value::as_object_mut)
            .for_each(|t| drop(t.remove("description")));
        schema.insert("$defs".to_owned(), types);
    }
    schema.values_mut().for_each(lean);
    schema
}

/// The selector's arguments as JSON Schema.
fn selector_properties(profiles: &Profiles) -> Result<JsonObject, String> {
    let schema = schema_for_input::<Selector>()?;
    let Some(Value::Object(mut properties)) = schema.get("properties").cloned() else {
        return Err("the selector has no properties".to_owned());
    };
    match profiles {
        Profiles::Any => {}
        Profiles::Off => drop(properties.remove("profile")),
        Profiles::Only(names) => {
            if let Some(Value::Object(profile)) = properties.get_mut("profile") {
                profile.insert("enum".to_owned(), json!(names));
            }
        }
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::iam_resources::ResourceKind;

    fn arguments(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn every_tool_is_declared_addressed_and_described_alike() {
        let catalogue = Catalogue::new(true).unwrap();
        let routed: usize = services::toolsets().iter().map(|(_, tools)| tools.map.len()).sum();
        assert_eq!(routed, catalogue.router.map.len());
        for entry in catalogue.entries() {
            let name = &entry.tool.name;
            assert!(
                entry.tool.description.as_ref().is_some_and(|d| d.len() > 40),
                "{name}: description"
            );
            assert!(entry.tool.output_schema.is_some(), "{name}: output schema");
            let annotations = entry.tool.annotations.as_ref().unwrap();
            assert!(
                annotations.read_only_hint.is_some() && annotations.destructive_hint.is_some(),
                "{name}: hints"
            );
            // AWS needs no permission to say who one is; every other tool in a target needs some.
            assert_eq!(
                entry.declaration.actions.is_empty(),
                !entry.declaration.targeted || name == "get_caller_identity",
                "{name}: IAM actions"
            );
            assert!(
                entry.declaration.actions.iter().all(|a| ResourceKind::of(a).is_some()),
                "{name}: an IAM action that src/aws/iam_resources.rs does not know"
            );
            let properties = entry.tool.input_schema["properties"].as_object().unwrap();
            for field in Selector::ONE {
                assert_eq!(
                    properties.contains_key(field),
                    entry.declaration.targeted,
                    "{name}: {field}"
                );
            }
        }
    }

    #[test]
    fn without_profiles_no_tool_takes_one() {
        let catalogue = Catalogue::new(false).unwrap();
        let entry = catalogue.get("list_secrets").unwrap();
        assert!(entry.tool.input_schema["properties"].get("profile").is_none());
        let said = entry
            .take_selector(arguments(json!({"profile": "default"})))
            .unwrap_err()
            .to_string();
        assert!(said.contains("has no argument `profile`"), "{said}");
        let some = Catalogue::new(Profiles::Only(vec!["staging".to_owned()])).unwrap();
        let schema = &some.get("list_secrets").unwrap().tool.input_schema;
        assert_eq!(schema["properties"]["profile"]["enum"], json!(["staging"]));
    }

    #[test]
    fn the_selector_is_taken_apart_and_typos_are_told() {
        let catalogue = Catalogue::new(true).unwrap();
        let entry = catalogue.get("get_object").unwrap();
        let (selector, rest) = entry
            .take_selector(arguments(json!({"account": "a", "bucket": "b", "key": "k"})))
            .unwrap();
        assert_eq!(selector.unwrap().account.as_deref(), Some("a"));
        assert_eq!(Value::Object(rest), json!({"bucket": "b", "key": "k"}));
        let said = entry
            .take_selector(arguments(json!({"bukcet": "b"})))
            .unwrap_err()
            .to_string();
        assert!(said.contains("did you mean `bucket`"), "{said}");
        assert!(entry.take_selector(arguments(json!({"account": 7}))).is_err());
        let accounts = catalogue.get("list_accounts").unwrap();
        assert!(accounts.take_selector(arguments(json!({"account": "a"}))).is_err());
    }
}
