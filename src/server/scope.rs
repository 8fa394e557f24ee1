//! What each call's session may do: the step from a tool's declaration to a session policy.

use std::collections::{BTreeMap, BTreeSet};

use rmcp::model::JsonObject;
use serde_json::{Value, json};

use crate::{
    aws::{
        Allow, Policy, Target,
        policy::{Place, arguments, list_of, resources},
        resource_types::ResourceType,
    },
    ops::{Access, Declaration, OpError},
};

use super::Entry;

/// The policies of the tools that only look: one for what a toolset reads, and one for what it reveals, so that neither a listing
/// can reveal a secret nor each tool need a session of its own. Those that look at everything have one more.
pub(super) struct ReadPolicies(BTreeMap<Kind, Policy>);

/// Toolset, access, and whether it looks at everything.
type Kind = (&'static str, Access, bool);

impl ReadPolicies {
    /// Sums up the tools that there are, and checks that a policy can be written for each of those that change something.
    ///
    /// # Errors
    /// Which tool or toolset has no policy, and why: a server that started could only fail its calls.
    pub(super) fn new<'e>(entries: impl Iterator<Item = &'e Entry> + Clone) -> Result<Self, String> {
        let mut sums: BTreeMap<Kind, Sum> = BTreeMap::new();
        for entry in entries.filter(|e| e.declaration.targeted) {
            let Declaration { access, broadly, .. } = entry.declaration;
            if broadly && access != Access::Read {
                return Err(format!("{}: only what reads does so broadly", entry.tool.name));
            }
            if access <= Access::Reveal {
                let sum = sums.entry((entry.toolset, access, broadly)).or_default();
                sum.actions.extend(&entry.declaration.actions);
                sum.keys.extend(&entry.declaration.key_actions);
            } else {
                check_writer(entry).map_err(|e| format!("{}: {e}", entry.tool.name))?;
            }
        }
        let policy = |((toolset, access, broadly), sum): (Kind, Sum)| {
            let mut allows = vec![Allow::everywhere(sum.actions.iter().copied())];
            allows.extend(services(sum.actions.iter().copied()).map(|s| Allow::keys_of(s, sum.keys.iter().copied())));
            let policy =
                Policy::new(&allows).map_err(|e| format!("the {} tools of {toolset}: {e}", access.as_str()))?;
            let policy = if broadly {
                policy.with_read_only_access()
            } else {
                policy
            };
            Ok(((toolset, access, broadly), policy))
        };
        sums.into_iter().map(policy).collect::<Result<_, String>>().map(Self)
    }

    /// The target, cut down to what this call of this tool needs.
    ///
    /// # Errors
    /// Arguments that name no resource, or one that no policy can say.
    pub(super) fn apply(&self, entry: &Entry, target: Target, arguments: &JsonObject) -> Result<Target, OpError> {
        if entry.declaration.access > Access::Reveal {
            let policy = match target.place() {
                Some(place) => writer(&entry.declaration, place, |name| arguments.get(name)),
                None => Ok(Policy::nothing()),
            };
            let policy = policy.map_err(OpError::InvalidInput)?;
            return Ok(target.for_writing(policy, &entry.tool.name));
        }
        let Declaration { access, broadly, .. } = entry.declaration;
        let policy = self.0.get(&(entry.toolset, access, broadly));
        Ok(target.for_reading(policy.unwrap_or(&Policy::nothing())))
    }
}

#[derive(Default)]
struct Sum<'e> {
    actions: BTreeSet<&'e String>,
    keys: BTreeSet<&'e String>,
}

/// The policy of one change: the tool's actions on the resource that its arguments name.
fn writer<'v>(
    declaration: &Declaration,
    place: Place<'_>,
    argument: impl Fn(&str) -> Option<&'v Value>,
) -> Result<Policy, String> {
    let Declaration {
        actions,
        anywhere,
        apart: (apart, theirs),
        ..
    } = declaration;
    let narrow = actions.iter().filter(|a| !anywhere.contains(a) && !apart.contains(a));
    let mut allows = vec![
        Allow::on(narrow, named(&declaration.resources, place, &argument)?),
        Allow::on(apart, named(theirs, place, &argument)?),
        Allow::everywhere(anywhere),
    ];
    if let Some(name) = &declaration.service_of {
        let kind = argument(name)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("`{name}` is missing, or is no text"))?;
        allows.push(Allow::everywhere(ResourceType::parse(kind)?.actions()));
    }
    allows.extend(services(&declaration.actions).map(|s| Allow::keys_of(s, &declaration.key_actions)));
    Policy::new(&allows).map_err(|e| format!("{e}: the names in this call are too long"))
}

/// What templates mean with these arguments.
fn named<'v>(
    templates: &[String],
    place: Place<'_>,
    argument: impl Fn(&str) -> Option<&'v Value>,
) -> Result<BTreeSet<String>, String> {
    // Two templates may mean the same where an argument is an ARN already; a policy has no room for repetition.
    let mut arns = BTreeSet::new();
    let text = |name: &str| argument(name).and_then(Value::as_str);
    for template in templates {
        let Some(list) = list_of(template)? else {
            arns.extend(resources(template, place, text)?);
            continue;
        };
        let items = argument(list)
            .and_then(Value::as_array)
            .filter(|items| !items.is_empty());
        for item in items.ok_or_else(|| format!("`{list}` is missing, or is no list with something in it"))? {
            let item = |name: &str| if name == list { item.as_str() } else { text(name) };
            arns.extend(resources(template, place, item)?);
        }
    }
    Ok(arns)
}

/// A tool that changes something says on what, in words that its arguments fill.
fn check_writer(entry: &Entry) -> Result<(), String> {
    let declaration = &entry.declaration;
    let stray = |list: &[String]| list.iter().find(|a| !declaration.actions.contains(a)).cloned();
    if let Some(action) = stray(&declaration.anywhere) {
        return Err(format!("`{action}` is anywhere, but not among its actions"));
    }
    let (apart, theirs) = &declaration.apart;
    if let Some(action) = stray(apart) {
        return Err(format!("`{action}` is apart, but not among its actions"));
    }
    if apart.is_empty() != theirs.is_empty() {
        return Err("what is apart has actions and resources, both".to_owned());
    }
    let everywhere = declaration.actions.iter().all(|a| declaration.anywhere.contains(a));
    if declaration.resources.is_empty() && !everywhere {
        return Err(
            "it changes something, but does not declare on which resource (`.on(…)` or `.anywhere(…)`)".to_owned(),
        );
    }
    let properties = entry.tool.input_schema.get("properties");
    let unknown = |name: &&str| properties.and_then(|p| p.get(name)).is_none();
    let typed = declaration.service_of.as_deref();
    if let Some(unknown) = typed.filter(unknown) {
        return Err(format!("its service is `{unknown}`'s, which is no argument of it"));
    }
    for template in declaration.resources.iter().chain(theirs) {
        let unknown = arguments(template)?.into_iter().find(unknown);
        if let Some(unknown) = unknown {
            return Err(format!(
                "its resource `{template}` names `{unknown}`, which is no argument of it"
            ));
        }
    }
    let place = Place {
        partition: "aws-us-gov",
        region: "ap-southeast-1",
        account: "123456789012",
    };
    let lists: BTreeSet<&str> = declaration
        .resources
        .iter()
        .chain(theirs)
        .filter_map(|t| list_of(t).ok()?)
        .collect();
    let (text, list, kind) = (json!("x"), json!(["x"]), json!("AWS::Service::Type"));
    let argument = |name: &str| {
        Some(match lists.contains(name) {
            _ if typed == Some(name) => &kind,
            true => &list,
            false => &text,
        })
    };
    writer(declaration, place, argument).map(drop)
}

/// The services of these actions.
fn services<'a>(actions: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = &'a str> {
    let services: BTreeSet<&str> = actions.into_iter().filter_map(|a| a.split(':').next()).collect();
    services.into_iter()
}

#[cfg(test)]
mod tests;
