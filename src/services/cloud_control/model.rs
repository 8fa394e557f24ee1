//! A resource's properties: read, and made short for lists.

use serde_json::{Map, Value};

/// How long a text in a list may be; get_resource shows the whole.
const LONGEST: usize = 300;

/// The properties, which AWS sends as a text.
pub(super) fn model_of(properties: Option<&str>) -> Value {
    let text = properties.unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Without what is empty and without what only repeats the identifier; `None` when nothing is left.
pub(super) fn compact(model: Value, identifier: &str) -> Option<Value> {
    let model = short(model)?;
    match &model {
        Value::Object(fields)
            if fields
                .values()
                .all(|v| v.as_str().is_some_and(|v| identifier.split('|').any(|part| part == v))) =>
        {
            None
        }
        _ => Some(model),
    }
}

fn short(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Value::String(cut(&text, LONGEST))),
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(short).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields
                .into_iter()
                .filter_map(|(key, value)| Some((key, short(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

/// The beginning of a text that is too long, and how long it is.
pub(super) fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most).collect();
    format!("{head}… ({count} characters)")
}
