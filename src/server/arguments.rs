//! Arguments against a tool's schema, before anything is done: what is wrong is said by the argument's name. What lies deeper than the
//! first level is left to the tool's own types.

use rmcp::model::{JsonObject, Tool};
use serde_json::Value;

use crate::ops::OpError;

/// Checks that what a tool needs is there, and that each argument is of its kind.
///
/// # Errors
/// The first that is not, with what would be right.
pub(super) fn check(tool: &Tool, arguments: &JsonObject) -> Result<(), OpError> {
    // What null means is the tool's affair.
    let given = |name: &str| arguments.get(name).filter(|value| !value.is_null());
    let required = tool.input_schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<String> = required
        .filter(|name| !arguments.contains_key(*name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        let word = if missing.len() == 1 { "argument" } else { "arguments" };
        let missing = missing.join(" and ");
        return Err(OpError::InvalidInput(format!(
            "{} needs the {word} {missing}",
            tool.name
        )));
    }
    let Some(Value::Object(properties)) = tool.input_schema.get("properties") else {
        return Ok(());
    };
    properties
        .iter()
        .filter_map(|(name, schema)| Some((name, resolved(&tool.input_schema, schema), given(name)?)))
        .try_for_each(|(name, schema, value)| fits(name, schema, value))
}

/// The schema itself, where it only refers to one.
fn resolved<'s>(root: &'s JsonObject, schema: &'s Value) -> &'s Value {
    let name = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix("#/$defs/"));
    let found = name.and_then(|name| root.get("$defs")?.get(name));
    found.unwrap_or(schema)
}

fn fits(name: &str, schema: &Value, value: &Value) -> Result<(), OpError> {
    let wrong = |right: String| {
        let shown = value.to_string();
        let shown: String = match shown.char_indices().nth(80) {
            Some((at, _)) => format!("{}…", shown.get(..at).unwrap_or_default()),
            None => shown,
        };
        Err(OpError::InvalidInput(format!(
            "`{name}` is {shown}; right would be {right}"
        )))
    };
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        return wrong(format!("one of {}", choices.join(", ")));
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let (is, right) = match kind {
        "string" => (value.is_string(), "a string"),
        "boolean" => (value.is_boolean(), "true or false"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "array" => (value.is_array(), "a list, [ … ]"),
        "object" => (value.is_object(), "an object, { … }"),
        _ => (true, ""),
    };
    let least = schema.get("minimum").and_then(Value::as_i64);
    match least.filter(|least| value.as_i64().is_some_and(|value| value < *least)) {
        _ if !is => wrong(right.to_owned()),
        Some(least) => wrong(format!("{least} or more")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::object;

    use super::*;

    fn said(arguments: JsonObject) -> Option<String> {
        let schema = object!({
            "properties": {
                "name": { "type": "string" }, "patch": { "type": "array" }, "days": { "type": "integer", "minimum": 0 },
                "state": { "description": "Default ALARM", "$ref": "#/$defs/State" }
            },
            "required": ["name"],
            "$defs": { "State": { "type": "string", "enum": ["ALARM", "any"] } }
        });
        check(&Tool::new("list_things", "", schema), &arguments)
            .err()
            .map(|e| e.to_string())
    }

    #[test]
    fn what_is_wrong_is_said_by_the_arguments_name() {
        for (arguments, expected) in [
            (object!({}), "list_things needs the argument `name`"),
            (object!({ "name": 7 }), "`name` is 7; right would be a string"),
            (
                object!({ "name": "a", "patch": "x" }),
                "`patch` is \"x\"; right would be a list, [ … ]",
            ),
            (
                object!({ "name": "a", "days": -1 }),
                "`days` is -1; right would be 0 or more",
            ),
            (
                object!({ "name": "a", "days": 1.5 }),
                "`days` is 1.5; right would be a whole number",
            ),
            (
                object!({ "name": "a", "state": "ANY" }),
                "`state` is \"ANY\"; right would be one of \"ALARM\", \"any\"",
            ),
        ] {
            assert_eq!(said(arguments).as_deref(), Some(expected));
        }
        assert_eq!(
            said(object!({ "name": "a", "days": null, "state": "any", "patch": [] })),
            None
        );
    }
}
