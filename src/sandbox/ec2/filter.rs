//! Filters: `Filter.1.Name=tag:Name&Filter.1.Value.1=web-*`.

use awsim_core::AwsError;
use serde_json::Value;

use crate::sandbox::value::text;

/// A list of a query, in its order: `InstanceId.1=…&InstanceId.2=…`.
pub(super) fn list(input: &Value, name: &str) -> Vec<String> {
    members(input, name)
        .into_iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

fn members<'v>(input: &'v Value, name: &str) -> Vec<&'v Value> {
    match input.get(name) {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) => {
            let mut numbered: Vec<(u32, &Value)> = map.iter().filter_map(|(n, v)| Some((n.parse().ok()?, v))).collect();
            numbered.sort_by_key(|(n, _)| *n);
            numbered.into_iter().map(|(_, v)| v).collect()
        }
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Whether a thing is what all of the request's filters look for.
pub(super) fn matches(thing: &Value, input: &Value) -> Result<bool, AwsError> {
    for filter in members(input, "Filter") {
        let name = text(filter, "Name").unwrap_or_default();
        let has = field(thing, name)
            .ok_or_else(|| AwsError::bad_request("InvalidParameterValue", format!("The filter '{name}' is invalid")))?;
        let wanted = list(filter, "Value");
        if !has
            .iter()
            .any(|has| wanted.iter().any(|pattern| glob(pattern.as_bytes(), has.as_bytes())))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a thing has of what a filter is about; `None` where there is no such filter.
fn field(thing: &Value, name: &str) -> Option<Vec<String>> {
    let one = |pointer: &str| {
        let value = thing.pointer(pointer);
        let text = value.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        text.into_iter().collect()
    };
    if let Some(key) = name.strip_prefix("tag:") {
        return Some(
            tags(thing)
                .filter(|(k, _)| *k == key)
                .map(|(_, v)| v.to_owned())
                .collect(),
        );
    }
    Some(match name {
        "instance-state-name" => one("/instanceState/name"),
        "vpc-id" => one("/vpcId"),
        "group-name" => one("/groupName"),
        "status" => one("/status"),
        "encrypted" => one("/encrypted"),
        "attachment.instance-id" => one("/attachmentSet/item/0/instanceId"),
        "ip-permission.group-id" => peers(thing, "ipPermissions"),
        "egress.ip-permission.group-id" => peers(thing, "ipPermissionsEgress"),
        _ => return None,
    })
}

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    let list = value
        .get(name)
        .and_then(|set| set.get("item"))
        .and_then(Value::as_array);
    list.into_iter().flatten()
}

pub(super) fn tags(thing: &Value) -> impl Iterator<Item = (&str, &str)> {
    items(thing, "tagSet").filter_map(|tag| Some((text(tag, "key")?, text(tag, "value")?)))
}

fn peers(group: &Value, rules: &str) -> Vec<String> {
    let groups = items(group, rules).flat_map(|rule| items(rule, "groups"));
    groups.filter_map(|g| text(g, "groupId").map(str::to_owned)).collect()
}

/// `*` stands for anything, `?` for one character.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|n| glob(rest, text.get(n..).unwrap_or_default())),
        ([b'?', rest @ ..], [_, after @ ..]) => glob(rest, after),
        ([first, rest @ ..], [other, after @ ..]) => first == other && glob(rest, after),
        _ => false,
    }
}
