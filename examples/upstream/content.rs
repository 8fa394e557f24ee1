//! What there is: tools that look like those of the AWS MCP Server, a few that show the rest of the protocol, resources, prompts.

use serde_json::{Map, Value, json};

pub(super) const INSTRUCTIONS: &str = "Use aws___run_script to act in the account, and the other tools to learn how.";

/// Where the AWS MCP Server is.
pub(super) const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
];

/// The tools that the real server has for everybody, signed or not.
pub(super) const UNSIGNED: [&str; 5] = [
    "aws___search_documentation",
    "aws___read_documentation",
    "aws___retrieve_skill",
    "aws___list_regions",
    "aws___get_regional_availability",
];

/// A red pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/// The definitions, as `tools/list` has them.
pub(super) fn tools() -> Vec<Value> {
    let reads = || json!({ "readOnlyHint": true });
    vec![
        tool(
            "aws___search_documentation",
            "Searches the AWS documentation.",
            &[("search_phrase", "string"), ("limit", "integer")],
            reads(),
        ),
        tool(
            "aws___read_documentation",
            "Reads a page of the AWS documentation.",
            &[("url", "string")],
            reads(),
        ),
        tool(
            "aws___retrieve_skill",
            "Retrieves a skill.",
            &[("skill_name", "string")],
            reads(),
        ),
        tool("aws___list_regions", "Lists the regions of AWS.", &[], reads()),
        tool(
            "aws___get_regional_availability",
            "Tells what is available in a region.",
            &[("region", "string"), ("resource_type", "string")],
            reads(),
        ),
        tool(
            "aws___run_script",
            "Runs Python in which `await call_boto3(…)` calls AWS.",
            &[("code", "string")],
            json!({ "destructiveHint": true }),
        ),
        tool(
            "aws___get_presigned_url",
            "Makes a link to an object.",
            &[("bucket", "string"), ("key", "string")],
            json!({ "readOnlyHint": false }),
        ),
        tool(
            "aws___get_tasks",
            "Tells how long calls are coming on.",
            &[("task_id", "string")],
            reads(),
        ),
        tool("unannotated", "Says nothing about itself.", &[], Value::Null),
        tool("failing", "Always fails.", &[], reads()),
        tool("picture", "Answers with an image.", &[], reads()),
        measured(),
        tool("progressing", "Tells of its progress twice.", &[], reads()),
        tool("asking", "Asks for a name.", &[], reads()),
    ]
}

/// The arguments are all required, but for `limit` and `resource_type`.
fn tool(name: &str, description: &str, arguments: &[(&str, &str)], annotations: Value) -> Value {
    let properties: Map<_, _> = arguments
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind })))
        .collect();
    let required: Vec<_> = arguments
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !["limit", "resource_type"].contains(name))
        .collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let mut tool = json!({ "name": name, "description": description, "inputSchema": schema });
    if let (false, Some(tool)) = (annotations.is_null(), tool.as_object_mut()) {
        tool.insert("annotations".to_owned(), annotations);
    }
    tool
}

fn measured() -> Value {
    json!({
        "name": "measured",
        "title": "A measurement",
        "description": "Answers with a structure.",
        "inputSchema": { "type": "object", "properties": {} },
        "outputSchema": {
            "type": "object",
            "properties": { "value": { "type": "integer" }, "unit": { "type": "string" } },
            "required": ["value", "unit"],
        },
        "annotations": { "readOnlyHint": true },
    })
}

pub(super) fn resources() -> Value {
    json!([
        { "uri": "upstream://welcome", "name": "welcome", "mimeType": "text/plain" },
        { "uri": "upstream://regions", "name": "regions", "mimeType": "application/json" },
    ])
}

pub(super) fn templates() -> Value {
    json!([{ "uriTemplate": "upstream://regions/{region}", "name": "region", "mimeType": "text/plain" }])
}

pub(super) fn read(uri: &str) -> Option<Value> {
    let (kind, text) = match uri.strip_prefix("upstream://")? {
        "welcome" => ("text/plain", "Welcome.".to_owned()),
        "regions" => ("application/json", json!(REGIONS).to_string()),
        path => {
            let region = path.strip_prefix("regions/").filter(|r| REGIONS.contains(r))?;
            ("text/plain", format!("{region} is a region."))
        }
    };
    Some(json!({ "uri": uri, "mimeType": kind, "text": text }))
}

pub(super) fn prompts() -> Value {
    let service = json!({ "name": "service", "description": "The service in question.", "required": true });
    json!([
        { "name": "investigate", "description": "Looks into a service.", "arguments": [service] },
        { "name": "greet", "description": "Says hello." },
    ])
}

pub(super) fn prompt(name: &str, arguments: &Map<String, Value>) -> Option<Value> {
    let text = match name {
        "investigate" => {
            let service = arguments.get("service").and_then(Value::as_str)?;
            format!("Find out what is wrong with {service}.")
        }
        "greet" => "Say hello.".to_owned(),
        _ => return None,
    };
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    Some(json!({ "messages": [message] }))
}
