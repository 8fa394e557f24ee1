//! The schemas as clients get them: no token more than they need.

use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// What each answer looks like, as clients see it: every tool's data has a schema of its own, but clients pay for each word of the
/// list of tools with their context, so that is at `aws://tools/{tool}`.
pub(super) fn answer() -> JsonObject {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), json!({ "success": { "type": "boolean" } }));
    schema.insert("required".to_owned(), json!(["success"]));
    schema
}

/// Drops what only costs tokens, at every depth: an optional field may be absent and need not say that it may be null, nor how
/// wide its integer is.
pub(super) fn lean(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(lean),
        Value::Object(object) => {
            object.values_mut().for_each(lean);
            if object.get("description").is_some_and(|d| d == "") {
                object.remove("description");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|t| t != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|c| c.get("type") != Some(&Value::from("null")));
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    object.remove("anyOf");
                    object.extend(one);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|f| f.starts_with("int") || f.starts_with("uint"))
            {
                object.remove("format");
            }
        }
        _ => {}
    }
}
