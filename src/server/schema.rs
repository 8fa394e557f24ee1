//! The schemas as clients get them: no token more than they need.

use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// What the answer of a call over several targets holds instead of `data`.
pub(super) fn answers_of_many(schema: &mut JsonObject) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    properties.insert(
        "results".to_owned(),
        json!({ "type": "array", "items": { "type": "object" } }),
    );
    properties.insert("summary".to_owned(), json!({ "type": "object" }));
    properties.insert("next_targets".to_owned(), json!({ "type": "string" }));
}

/// What a forwarded tool's answer looks like; what its data holds, its server knows.
pub(super) fn forwarded_answer() -> JsonObject {
    let object = || json!({ "type": "object" });
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    let properties = json!({ "success": { "type": "boolean" }, "data": {}, "error": object(), "receipt": object() });
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), json!(["success"]));
    answers_of_many(&mut schema);
    schema
}

/// Drops what only costs tokens, at every depth: an optional field may be absent and need not say that it may be null, nor how
/// wide its integer is.
pub(super) fn lean(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(lean),
        Value::Object(object) => {
            object.values_mut().for_each(lean);
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
