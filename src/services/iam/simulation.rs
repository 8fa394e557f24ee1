//! What a principal's policies would say.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_iam::{
    Client,
    types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, Position, Statement},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::OpError;

/// Arguments of `simulate_principal_policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimulatePrincipalPolicy {
    /// Of the role, user or group
    policy_source_arn: String,
    action_names: Vec<String>,
    /// Default: *
    #[serde(default)]
    resource_arns: Vec<String>,
    /// Condition keys, such as {"aws:SourceIp": "203.0.113.7"}
    #[serde(default)]
    context: BTreeMap<String, String>,
}

/// Answer of `simulate_principal_policy`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Simulation {
    summary: Decisions,
    results: Vec<Decision>,
}

/// How often each decision was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Decisions {
    allowed: usize,
    denied: usize,
}

/// What was decided of one action on one resource.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Decision {
    action: String,
    resource: String,
    /// allowed, explicitDeny, or implicitDeny: no statement allows it
    decision: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matched_statements: Vec<Matched>,
    /// Conditions ask for these, and the call gave none: give them in context
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_context: Vec<String>,
    /// What denied it beside the principal's own policies
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denied_by: Vec<&'static str>,
}

/// A statement that had a say.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Matched {
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_type: Option<String>,
    /// In the policy's text, line:column
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

pub(super) async fn simulate(client: &Client, input: SimulatePrincipalPolicy) -> Result<Simulation, OpError> {
    check(&input)?;
    let entries = input.context.iter().map(|(key, value)| entry(key, value)).collect();
    let request = client
        .simulate_principal_policy()
        .policy_source_arn(&input.policy_source_arn)
        .set_action_names(Some(input.action_names))
        .set_resource_arns((!input.resource_arns.is_empty()).then_some(input.resource_arns))
        .set_context_entries((!input.context.is_empty()).then_some(entries));
    let answers: Vec<EvaluationResult> = request.into_paginator().items().send().try_collect().await?;
    // With several resources AWS says of each beneath the action, and repeats one of them above.
    let mut seen = HashSet::new();
    let results: Vec<Decision> = answers
        .into_iter()
        .flat_map(decisions)
        .filter(|d| seen.insert((d.action.clone(), d.resource.clone())))
        .collect();
    let allowed = results.iter().filter(|r| r.decision == "allowed").count();
    Ok(Simulation {
        summary: Decisions {
            allowed,
            denied: results.len() - allowed,
        },
        results,
    })
}

fn check(input: &SimulatePrincipalPolicy) -> Result<(), OpError> {
    let arn = &input.policy_source_arn;
    let mut parts = arn.splitn(6, ':');
    let (service, account, name) = (parts.nth(2), parts.nth(1), parts.next().unwrap_or_default());
    let wrong = |why: String| Err(OpError::InvalidInput(format!("policy_source_arn `{arn}` {why}")));
    if let (Some("sts"), Some(account), Some(session)) = (service, account, name.strip_prefix("assumed-role/")) {
        let role = session.split('/').next().unwrap_or_default();
        return wrong(format!(
            "is a session's: give its role's, such as arn:aws:iam::{account}:role/{role} (list_roles shows it)"
        ));
    }
    let principal = ["role/", "user/", "group/"].iter().any(|kind| name.starts_with(kind));
    if service != Some("iam") || !principal {
        return wrong("is no principal's: give arn:aws:iam::ACCOUNT:role/NAME, user/NAME or group/NAME".to_owned());
    }
    if input.action_names.is_empty() {
        return Err(OpError::InvalidInput(
            "action_names is empty: give actions such as s3:GetObject".to_owned(),
        ));
    }
    match input.action_names.iter().find(|action| !action.contains(':')) {
        Some(action) => Err(OpError::InvalidInput(format!(
            "action_names holds `{action}`, which names no service: give SERVICE:ACTION, such as s3:GetObject"
        ))),
        None => Ok(()),
    }
}

/// A condition key with its type, which AWS wants to be told. Keys that are not known here are text.
fn entry(key: &str, value: &str) -> ContextEntry {
    let kind = match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" | "aws:vpcsourceip" => ContextKeyTypeEnum::Ip,
        "aws:currenttime" | "aws:tokenissuetime" => ContextKeyTypeEnum::Date,
        "aws:epochtime" | "aws:multifactorauthage" => ContextKeyTypeEnum::Numeric,
        "aws:multifactorauthpresent" | "aws:securetransport" | "aws:viaawsservice" | "aws:principalisawsservice" => {
            ContextKeyTypeEnum::Boolean
        }
        "aws:tagkeys" | "aws:principalorgpaths" | "aws:calledvia" => ContextKeyTypeEnum::StringList,
        _ => ContextKeyTypeEnum::String,
    };
    let values = match kind {
        ContextKeyTypeEnum::StringList => value.split(',').map(|v| v.trim().to_owned()).collect(),
        _ => vec![value.to_owned()],
    };
    ContextEntry::builder()
        .context_key_name(key)
        .set_context_key_values(Some(values))
        .context_key_type(kind)
        .build()
}

fn decisions(result: EvaluationResult) -> Vec<Decision> {
    let action = result.eval_action_name;
    let organization = result
        .organizations_decision_detail
        .is_some_and(|d| !d.allowed_by_organizations);
    let denied_by = |organization: bool, boundary: bool| {
        let causes = [
            (organization, "a policy of the organization"),
            (boundary, "the permissions boundary"),
        ];
        causes.into_iter().filter_map(|(is, what)| is.then_some(what)).collect()
    };
    let each = result.resource_specific_results.unwrap_or_default();
    if each.is_empty() {
        let boundary = result.permissions_boundary_decision_detail;
        return vec![Decision {
            resource: result.eval_resource_name.unwrap_or_else(|| "*".to_owned()),
            decision: result.eval_decision.as_str().to_owned(),
            matched_statements: matched(result.matched_statements),
            missing_context: result.missing_context_values.unwrap_or_default(),
            denied_by: denied_by(
                organization,
                boundary.is_some_and(|b| !b.allowed_by_permissions_boundary),
            ),
            action,
        }];
    }
    each.into_iter()
        .map(|one| {
            let boundary = one.permissions_boundary_decision_detail;
            Decision {
                action: action.clone(),
                resource: one.eval_resource_name,
                decision: one.eval_resource_decision.as_str().to_owned(),
                matched_statements: matched(one.matched_statements),
                missing_context: one.missing_context_values.unwrap_or_default(),
                denied_by: denied_by(
                    organization,
                    boundary.is_some_and(|b| !b.allowed_by_permissions_boundary),
                ),
            }
        })
        .collect()
}

fn matched(statements: Option<Vec<Statement>>) -> Vec<Matched> {
    let place = |at: Option<Position>| at.map(|at| format!("{}:{}", at.line, at.column));
    let statements = statements.unwrap_or_default().into_iter();
    let matched = statements.map(|s| Matched {
        policy: s.source_policy_id.unwrap_or_default(),
        policy_type: s.source_policy_type.map(|t| t.as_str().to_owned()),
        from: place(s.start_position),
        to: place(s.end_position),
    });
    matched.collect()
}
