//! Small helpers for the emulator's JSON.

use serde_json::Value;

/// Puts a field into an object. Unlike an assignment by index, it can't panic.
pub(super) fn set(object: &mut Value, key: impl Into<String>, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.into(), value.into());
    }
}

/// A text field, if there is one.
pub(super) fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}
