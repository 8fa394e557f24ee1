//! CloudFormation templates. The target role's fits a service-managed StackSet: it is the same in every account.

use serde_json::{Map, Value, json};

use super::documents::{Trust, target_trust};

/// What stands for the account and the partition in a document, to be substituted in each account.
pub(super) const ACCOUNT: &str = "${AWS::AccountId}";
pub(super) const PARTITION: &str = "${AWS::Partition}";

/// The defaults of the target template's parameters; a parameter without one must be given.
pub(super) struct Defaults<'a> {
    pub(super) base_role_arn: Option<&'a str>,
    pub(super) external_id: Option<&'a str>,
    pub(super) org_id: Option<&'a str>,
    pub(super) role_name: &'a str,
}

/// The target role with its trust and its policies.
pub(super) fn target_role(policies: &[Value], defaults: &Defaults<'_>) -> Value {
    let (path, name) = path_and_name(defaults.role_name);
    let optional = |default: Option<&str>, pattern: &str, description: &str| json!({ "Type": "String", "Default": default.unwrap_or_default(), "AllowedPattern": pattern, "Description": description });
    let mut base = json!({
        "Type": "String",
        "AllowedPattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        "Description": "The role that the aws-ops-mcp server runs as",
    });
    if let (Some(base), Some(arn)) = (base.as_object_mut(), defaults.base_role_arn) {
        base.insert("Default".to_owned(), json!(arn));
    }
    let given = |parameter: &str| json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": parameter }, ""] }] });
    let (id, org) = ("HasExternalId", "HasOrgId");
    let when = |condition: &str, value: Value| json!({ "Fn::If": [condition, value, { "Ref": "AWS::NoValue" }] });
    let mut trust = target_trust(&Trust {
        base: json!({ "Ref": "BaseRoleArn" }),
        external_id: Some(when(id, json!({ "Ref": "ExternalId" }))),
        org_id: Some(when(org, json!({ "Ref": "OrgId" }))),
    });
    // IAM takes no condition without a key, so the condition goes when all of its keys do.
    if let Some(place) = trust.pointer_mut("/Statement/0/Condition") {
        *place = when("HasExternalIdOrOrgId", place.take());
    }
    if let Some(place) = trust.pointer_mut("/Statement/1/Condition") {
        let only = json!({ "StringEquals": { "aws:PrincipalOrgID": { "Ref": "OrgId" } } });
        *place = when(org, only);
    }
    let mut role = role("TargetPolicy", policies.len(), &path, trust);
    if let Some(properties) = role.pointer_mut("/Properties").and_then(Value::as_object_mut) {
        properties.insert("RoleName".to_owned(), json!({ "Ref": "RoleName" }));
        let description = "Assumed by aws-ops-mcp for the calls in this account";
        properties.insert("Description".to_owned(), json!(description));
    }
    let mut resources = managed_policies("TargetPolicy", policies);
    resources.insert("TargetRole".to_owned(), role);
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that aws-ops-mcp assumes in this account, with what the enabled tools need",
        "Parameters": {
            "BaseRoleArn": base,
            "ExternalId": optional(defaults.external_id, "^([A-Za-z0-9_+=,.@:/-]{2,1224})?$", "Asked for on AssumeRole; empty: none"),
            "OrgId": optional(defaults.org_id, "^(o-[a-z0-9]{10,32})?$", "The organization that the base role must be in; empty: any"),
            "RoleName": {
                "Type": "String", "Default": name, "AllowedPattern": "^[A-Za-z0-9_+=,.@-]{1,64}$",
                "Description": "As TARGET_ROLE_NAME says",
            },
        },
        "Conditions": {
            id: given("ExternalId"),
            org: given("OrgId"),
            "HasExternalIdOrOrgId": { "Fn::Or": [{ "Condition": id }, { "Condition": org }] },
        },
        "Resources": resources,
        "Outputs": { "RoleArn": { "Value": { "Fn::GetAtt": ["TargetRole", "Arn"] } } },
    })
}

/// Policies alone, to be attached to what exists.
pub(super) fn policies(prefix: &str, description: &str, documents: &[Value]) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Resources": managed_policies(prefix, documents),
    })
}

/// The base role with its trust and its policies.
pub(super) fn base_role(role_name: &str, documents: &[Value], trust: Value) -> Value {
    let (path, name) = path_and_name(role_name);
    let mut resources = managed_policies("BasePolicy", documents);
    let mut role = role("BasePolicy", documents.len(), &path, trust);
    if let Some(properties) = role.pointer_mut("/Properties").and_then(Value::as_object_mut) {
        properties.insert("RoleName".to_owned(), json!(name));
    }
    resources.insert("BaseRole".to_owned(), role);
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that the aws-ops-mcp server runs as: it may assume the target roles, and nothing else",
        "Resources": resources,
        "Outputs": { "RoleArn": { "Value": { "Fn::GetAtt": ["BaseRole", "Arn"] } } },
    })
}

fn role(policy: &str, policies: usize, path: &str, trust: Value) -> Value {
    let attached: Vec<Value> = (1..=policies)
        .map(|n| json!({ "Ref": format!("{policy}{n}") }))
        .collect();
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Path": path,
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": trust,
            "ManagedPolicyArns": attached,
        },
    })
}

fn managed_policies(prefix: &str, documents: &[Value]) -> Map<String, Value> {
    let resource = |document: &Value| json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": { "PolicyDocument": substituted(document.clone()) } });
    (1..)
        .zip(documents)
        .map(|(n, document)| (format!("{prefix}{n}"), resource(document)))
        .collect()
}

/// Texts with a placeholder become `Fn::Sub`.
fn substituted(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains("${AWS::") => json!({ "Fn::Sub": text }),
        Value::Array(items) => items.into_iter().map(substituted).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, substituted(value)))
            .collect(),
        other => other,
    }
}

/// `platform/aws-ops-target` is the role `aws-ops-target` in the path `/platform/`.
pub(super) fn path_and_name(role: &str) -> (String, &str) {
    match role.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), role),
    }
}
