//! The tools of the other services.

use serde_json::{Value, json};

use super::ROLE;
use crate::support::world::MANAGEMENT_ROLE;

pub(super) fn iam() -> Vec<(&'static str, Value, Value)> {
    let actions = json!([
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedRolePolicies",
        "iam:ListPolicies",
        "iam:ListPolicyVersions",
        "iam:ListRolePolicies",
        "iam:ListUsers",
        "iam:SimulatePrincipalPolicy"
    ]);
    let reads = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    let simulation = json!({ "policy_source_arn": ROLE, "action_names": ["s3:GetObject"] });
    let calls = [
        ("list_roles", json!({})),
        ("get_role", json!({ "role_name": "aws-ops-target" })),
        ("get_policy", json!({ "policy": "ReadOnlyAccess" })),
        ("list_access_keys", json!({})),
        ("simulate_principal_policy", simulation),
    ];
    calls.map(|(tool, arguments)| (tool, arguments, reads.clone())).to_vec()
}

/// Empty without the feature, as is the toolset.
pub(super) fn ec2() -> Vec<(&'static str, Value, Value)> {
    if cfg!(not(feature = "ec2")) {
        return Vec::new();
    }
    let allow = |action: Value, resource: Value| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let actions = json!([
        "ec2:DescribeInstances",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVolumes",
        "ec2:GetConsoleOutput"
    ]);
    let reads = json!([allow(actions, json!("*"))]);
    let id = "i-0a400000000000001";
    let on = |action: &str| {
        let arn = format!("arn:aws:ec2:us-east-1:444444444444:instance/{id}");
        allow(json!(action), json!(arn))
    };
    let grant = json!({
        "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*",
        "Condition": { "StringLike": { "kms:ViaService": "ec2.*" } },
    });
    let ids = json!({ "instance_ids": [id] });
    vec![
        ("describe_instances", json!({}), reads.clone()),
        ("describe_security_groups", json!({}), reads.clone()),
        ("describe_volumes", json!({}), reads.clone()),
        ("get_console_output", json!({ "instance_id": id }), reads),
        ("reboot_instances", ids.clone(), json!([on("ec2:RebootInstances")])),
        ("stop_instances", ids.clone(), json!([on("ec2:StopInstances")])),
        ("start_instances", ids, json!([on("ec2:StartInstances"), grant])),
    ]
}

/// One statement for all of a toolset's reads.
fn reads(actions: Value, calls: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value, Value)> {
    let statements = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    let each = calls.into_iter();
    each.map(|(tool, arguments)| (tool, arguments, statements.clone()))
        .collect()
}

pub(super) fn watching() -> Vec<(&'static str, Value, Value)> {
    let metrics = json!([
        "cloudwatch:DescribeAlarmHistory",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:GetMetricStatistics",
        "cloudwatch:ListMetrics"
    ]);
    let logs = json!([
        "logs:DescribeLogGroups",
        "logs:FilterLogEvents",
        "logs:GetQueryResults",
        "logs:StartQuery",
        "logs:StopQuery"
    ]);
    let query = json!({ "log_group_names": ["/ecs/api"], "query": "fields @message" });
    [
        reads(
            metrics,
            vec![
                ("describe_alarms", json!({})),
                ("describe_alarm_history", json!({})),
                (
                    "get_metric_data",
                    json!({ "namespace": "AWS/ECS", "metric_name": "CPUUtilization" }),
                ),
                ("list_metrics", json!({})),
            ],
        ),
        reads(
            logs,
            vec![
                ("describe_log_groups", json!({})),
                ("query_logs", query),
                ("filter_log_events", json!({ "log_group_name": "/ecs/api" })),
            ],
        ),
    ]
    .concat()
}

/// They are called in the management account, by its role.
pub(super) fn organizations() -> Vec<(&'static str, Value, Value)> {
    let actions = json!([
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit",
        "organizations:DescribePolicy",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListParents",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots"
    ]);
    let there = |mut arguments: Value| {
        arguments["role_arn"] = json!(MANAGEMENT_ROLE);
        arguments
    };
    reads(
        actions,
        vec![
            ("list_organization_accounts", there(json!({}))),
            ("list_organizational_units", there(json!({}))),
            (
                "list_service_control_policies",
                there(json!({ "target_id": "222222222222" })),
            ),
        ],
    )
}
