//! What a list counts: states, engines, versions.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values that differ more than this tell nothing by their counts.
const MOST: usize = 20;

/// The properties of a resource that are counted.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<(String, String)>);

impl Facts {
    /// Those of these properties.
    pub(super) fn of(model: &Value) -> Self {
        let fields = model.as_object().into_iter().flatten();
        let told = fields.filter(|(name, _)| counted(name)).filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Bool(yes) => yes.to_string(),
                // AWS::EC2::Instance and others have it one level deeper.
                Value::Object(inner) => inner.get("Name").or_else(|| inner.get("Status"))?.as_str()?.to_owned(),
                _ => return None,
            };
            Some((name.clone(), value))
        });
        Self(told.collect())
    }
}

fn counted(name: &str) -> bool {
    ["State", "Status"].iter().any(|end| name.ends_with(end))
        || [
            "Engine",
            "EngineVersion",
            "Runtime",
            "Version",
            "InstanceType",
            "DBInstanceClass",
        ]
        .contains(&name)
}

/// How many have each value.
pub(super) fn counts<'a>(all: impl Iterator<Item = &'a Facts>) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (name, value) in all.flat_map(|facts| &facts.0) {
        *counts
            .entry(name.clone())
            .or_default()
            .entry(value.clone())
            .or_default() += 1;
    }
    counts.retain(|_, values| values.len() <= MOST);
    counts
}
