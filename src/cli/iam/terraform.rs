//! Terraform: the same roles and policies as HCL, without data sources, with variables for what differs by account.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    cloudformation::{Defaults, path_and_name},
    documents::{Trust, target_trust},
};

/// What stands for the account in a document.
pub(super) const ACCOUNT: &str = "${var.account_id}";

/// The target role with its trust and its policies.
pub(super) fn target_role(policies: &[Value], account: Option<&str>, defaults: &Defaults<'_>) -> String {
    let (path, name) = path_and_name(defaults.role_name);
    let mut trust = target_trust(&Trust {
        base: json!("${var.base_role_arn}"),
        external_id: Some(json!("${var.external_id}")),
        org_id: Some(json!("${var.org_id}")),
    });
    // IAM takes no condition without a key, so the conditions are made of what is given.
    for (statement, local) in ["assume_conditions", "name_conditions"].iter().enumerate() {
        if let Some(place) = trust.pointer_mut(&format!("/Statement/{statement}/Condition")) {
            *place = json!(format!("${{local.{local}}}"));
        }
    }
    let needed = |name: &str, description: &str, default: Option<&str>| variable(name, description, default);
    let optional = |name: &str, description: &str, default: Option<&str>| {
        variable(name, description, Some(default.unwrap_or_default()))
    };
    [
        needed("account_id", "The account that this role is in", account),
        needed("base_role_arn", "The role that the aws-ops-mcp server runs as", defaults.base_role_arn),
        optional("external_id", "Asked for on AssumeRole; empty: none", defaults.external_id),
        optional("org_id", "The organization that the base role must be in; empty: any", defaults.org_id),
        needed("role_name", "As TARGET_ROLE_NAME says", Some(name)),
        r#"locals {
  assume_keys       = { for key, value in { "sts:ExternalId" = var.external_id, "aws:PrincipalOrgID" = var.org_id } : key => value if value != "" }
  name_keys         = { for key, value in { "aws:PrincipalOrgID" = var.org_id } : key => value if value != "" }
  assume_conditions = { for operator, keys in { StringEquals = local.assume_keys } : operator => keys if length(keys) > 0 }
  name_conditions   = { for operator, keys in { StringEquals = local.name_keys } : operator => keys if length(keys) > 0 }
}
"#
        .to_owned(),
        role("target", "var.role_name", &path, &trust),
        attached("target", "${var.role_name}", &path, policies),
    ]
    .join("\n")
}

/// Policies alone, to be attached to what exists.
pub(super) fn policies(name: &str, prefix: &str, documents: &[Value]) -> String {
    (1..)
        .zip(documents)
        .map(|(n, document)| policy(name, prefix, "/", n, document))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The target's policies alone.
pub(super) fn target_policies(documents: &[Value], account: Option<&str>, role_name: &str) -> String {
    let account = variable("account_id", "The account that the role is in", account);
    let (_, name) = path_and_name(role_name);
    format!("{account}\n{}", policies("target", name, documents))
}

/// The base role with its trust and its policies.
pub(super) fn base_role(role_name: &str, documents: &[Value], trust: &Value) -> String {
    let (path, name) = path_and_name(role_name);
    [
        role("base", &quoted(name), &path, trust),
        attached("base", name, &path, documents),
    ]
    .join("\n")
}

fn role(label: &str, name: &str, path: &str, trust: &Value) -> String {
    format!(
        "resource \"aws_iam_role\" \"{label}\" {{\n  name                 = {name}\n  path                 = {}\n  max_session_duration = 3600\n  assume_role_policy = jsonencode({})\n}}\n",
        quoted(path),
        hcl(trust, 1)
    )
}

fn attached(label: &str, name: &str, path: &str, documents: &[Value]) -> String {
    let each = (1..).zip(documents).map(|(n, document)| {
        format!(
            "{}\nresource \"aws_iam_role_policy_attachment\" \"{label}_{n}\" {{\n  role       = aws_iam_role.{label}.name\n  policy_arn = aws_iam_policy.{label}_{n}.arn\n}}\n",
            policy(label, name, path, n, document)
        )
    });
    each.collect::<Vec<_>>().join("\n")
}

fn policy(label: &str, name: &str, path: &str, n: usize, document: &Value) -> String {
    format!(
        "resource \"aws_iam_policy\" \"{label}_{n}\" {{\n  name   = {}\n  path   = {}\n  policy = jsonencode({})\n}}\n",
        quoted(&format!("{name}-{n}")),
        quoted(path),
        hcl(document, 1)
    )
}

fn variable(name: &str, description: &str, default: Option<&str>) -> String {
    // What comes from the registry is text, never an expression.
    let default = default.map(|d| {
        format!(
            "  default     = {}\n",
            quoted(&d.replace("${", "$${").replace("%{", "%%{"))
        )
    });
    format!(
        "variable \"{name}\" {{\n  description = {}\n  type        = string\n{}}}\n",
        quoted(description),
        default.unwrap_or_default()
    )
}

/// A value as an HCL expression. A text that is only a reference is written as one.
fn hcl(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::String(text) => match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
            Some(reference) if !reference.contains(['{', '}']) => reference.to_owned(),
            _ => quoted(text),
        },
        Value::Array(items) => {
            let lines = items.iter().fold(String::new(), |mut lines, item| {
                let _ = writeln!(lines, "{inner}{},", hcl(item, depth + 1));
                lines
            });
            format!("[\n{lines}{outer}]")
        }
        Value::Object(fields) => {
            let lines = fields.iter().fold(String::new(), |mut lines, (key, value)| {
                let _ = writeln!(lines, "{inner}{} = {}", quoted(key), hcl(value, depth + 1));
                lines
            });
            format!("{{\n{lines}{outer}}}")
        }
        other => other.to_string(),
    }
}

/// A text between quotation marks. JSON's escapes are HCL's.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
