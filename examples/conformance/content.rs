//! What the suite expects to find, word for word.

use serde_json::{Value, json};

/// A red pixel.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// No samples.
pub(crate) const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

pub(crate) fn text(text: impl Into<String>) -> Value {
    json!({"content": [{"type": "text", "text": text.into()}]})
}

pub(crate) fn failure(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}

pub(crate) fn resource(uri: &str, mime_type: &str, text: &str) -> Value {
    json!({"uri": uri, "mimeType": mime_type, "text": text})
}

/// Results of the tools that always answer the same.
pub(crate) fn fixed(tool: &str) -> Option<Value> {
    let image = json!({"type": "image", "data": PNG, "mimeType": "image/png"});
    let embedded = resource(
        "test://embedded-resource",
        "text/plain",
        "This is an embedded resource content.",
    );
    let mixed = resource(
        "test://mixed-content-resource",
        "application/json",
        r#"{"test":"data","value":123}"#,
    );
    Some(match tool {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => json!({"content": [image]}),
        "test_audio_content" => json!({"content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}]}),
        "test_embedded_resource" => json!({"content": [{"type": "resource", "resource": embedded}]}),
        "test_multiple_content_types" => json!({"content": [
            {"type": "text", "text": "Multiple content types test:"},
            image,
            {"type": "resource", "resource": mixed},
        ]}),
        "test_error_handling" => failure("This tool intentionally returns an error for testing"),
        "json_schema_2020_12_tool" | "test_header_parameter" => text("ok"),
        _ => return None,
    })
}

/// The form of `test_elicitation` and its kin: the message's default, and the schema's properties.
pub(crate) fn form(tool: &str) -> Option<(&'static str, Value)> {
    let three = |a: &str, b: &str, c: &str| json!([a, b, c]);
    let titled = |a: [&str; 2], b: [&str; 2], c: [&str; 2]| {
        json!([a, b, c].map(|[value, title]| json!({"const": value, "title": title})))
    };
    Some(match tool {
        "test_elicitation" => (
            "Who are you?",
            json!({
                "username": {"type": "string", "description": "User's response"},
                "email": {"type": "string", "description": "User's email address"},
            }),
        ),
        "test_elicitation_sep1034_defaults" => (
            "Review these",
            json!({
                "name": {"type": "string", "default": "John Doe"},
                "age": {"type": "integer", "default": 30},
                "score": {"type": "number", "default": 95.5},
                "status": {"type": "string", "enum": three("active", "inactive", "pending"), "default": "active"},
                "verified": {"type": "boolean", "default": true},
            }),
        ),
        "test_elicitation_sep1330_enums" => (
            "Choose",
            json!({
                "untitledSingle": {"type": "string", "enum": three("option1", "option2", "option3")},
                "titledSingle": {"type": "string", "oneOf": titled(
                    ["value1", "First Option"], ["value2", "Second Option"], ["value3", "Third Option"])},
                "legacyEnum": {"type": "string", "enum": three("opt1", "opt2", "opt3"),
                    "enumNames": three("Option One", "Option Two", "Option Three")},
                "untitledMulti": {"type": "array",
                    "items": {"type": "string", "enum": three("option1", "option2", "option3")}},
                "titledMulti": {"type": "array", "items": {"anyOf": titled(
                    ["value1", "First Choice"], ["value2", "Second Choice"], ["value3", "Third Choice"])}},
            }),
        ),
        _ => return None,
    })
}

pub(crate) fn tools() -> Value {
    let plain = |name: &str| json!({"name": name, "description": name, "inputSchema": {"type": "object"}});
    let with = |name: &str, properties: Value, required: Value| {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        json!({"name": name, "description": name, "inputSchema": schema})
    };
    let mut tools: Vec<Value> = [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_error_handling",
        "test_tool_with_logging",
        "test_tool_with_progress",
        "test_logging_tool",
        "test_elicitation_sep1034_defaults",
        "test_elicitation_sep1330_enums",
        "test_reconnection",
        "test_missing_capability",
        "test_streaming_elicitation",
    ]
    .into_iter()
    .chain(crate::rounds::TOOLS)
    .map(plain)
    .collect();
    tools.push(with(
        "test_sampling",
        json!({"prompt": {"type": "string"}}),
        json!(["prompt"]),
    ));
    tools.push(with(
        "test_elicitation",
        json!({"message": {"type": "string"}}),
        json!(["message"]),
    ));
    let region = json!({"region": {"type": "string", "x-mcp-header": "Region"}});
    tools.push(with("test_header_parameter", region, json!([])));
    tools.push(json!({
        "name": "json_schema_2020_12_tool",
        "description": "Tool with JSON Schema 2020-12 features",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {"address": {"$anchor": "addressDef", "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": false,
        },
    }));
    json!(tools)
}

pub(crate) fn resources() -> Value {
    let listed =
        |uri: &str, mime_type: &str| json!({"uri": uri, "name": uri, "description": uri, "mimeType": mime_type});
    json!([
        listed("test://static-text", "text/plain"),
        listed("test://static-binary", "image/png"),
        listed("test://watched-resource", "text/plain"),
    ])
}

pub(crate) fn templates() -> Value {
    let uri = "test://template/{id}/data";
    json!([{"uriTemplate": uri, "name": uri, "description": uri, "mimeType": "application/json"}])
}

pub(crate) fn read(uri: &str) -> Option<Value> {
    Some(match uri {
        "test://static-text" => resource(uri, "text/plain", "This is the content of the static text resource."),
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": PNG}),
        "test://watched-resource" => resource(uri, "text/plain", "Watched."),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            resource(uri, "application/json", &data.to_string())
        }
    })
}

pub(crate) fn prompts() -> Value {
    let with = |name: &str, arguments: &[&str]| {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|a| json!({"name": a, "description": a, "required": true}))
            .collect();
        json!({"name": name, "description": name, "arguments": arguments})
    };
    json!([
        with("test_simple_prompt", &[]),
        with("test_prompt_with_arguments", &["arg1", "arg2"]),
        with("test_prompt_with_embedded_resource", &["resourceUri"]),
        with("test_prompt_with_image", &[]),
        with(crate::rounds::PROMPT, &[]),
    ])
}

pub(crate) fn prompt(name: &str, argument: impl Fn(&str) -> String) -> Option<Value> {
    let said = |text: String| json!({"role": "user", "content": {"type": "text", "text": text}});
    let messages = match name {
        "test_simple_prompt" => vec![said("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            vec![said(format!(
                "Prompt with arguments: arg1='{}', arg2='{}'",
                argument("arg1"),
                argument("arg2")
            ))]
        }
        "test_prompt_with_embedded_resource" => {
            let embedded = resource(
                &argument("resourceUri"),
                "text/plain",
                "Embedded resource content for testing.",
            );
            vec![
                json!({"role": "user", "content": {"type": "resource", "resource": embedded}}),
                said("Please process the embedded resource above.".to_owned()),
            ]
        }
        "test_prompt_with_image" => vec![
            json!({"role": "user", "content": {"type": "image", "data": PNG, "mimeType": "image/png"}}),
            said("Please analyze the image above.".to_owned()),
        ],
        _ => return None,
    };
    Some(json!({"messages": messages}))
}
