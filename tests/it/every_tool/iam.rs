//! IAM.

use serde_json::json;

use super::Step;

pub(crate) fn steps() -> Vec<Step> {
    let simulate = |arn: &str| json!({ "policy_source_arn": arn, "action_names": ["s3:GetObject"] });
    vec![
        Step::new("list_roles", json!({}), &["iam:GetAccountAuthorizationDetails"], "ok")
            .unpaged("it gives all roles at once"),
        Step::new(
            "get_role",
            json!({ "role_name": "aws-ops-target" }),
            &[
                "iam:GetRole",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
                "iam:GetRolePolicy",
            ],
            "ok",
        ),
        Step::new(
            "get_role",
            json!({ "role_name": "nobody" }),
            &["iam:GetRole"],
            "not_found",
        ),
        Step::new(
            "get_role",
            json!({ "role_name": "arn:aws:sts::444444444444:assumed-role/deploy/x" }),
            &[],
            "invalid_input",
        ),
        Step::new(
            "get_policy",
            json!({ "policy": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
            &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            "ok",
        ),
        Step::new(
            "get_policy",
            json!({ "policy": "ReadOnlyAccess" }),
            &[
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:ListPolicyVersions",
                "iam:ListPolicies",
            ],
            "ok",
        ),
        Step::new(
            "get_policy",
            json!({ "policy": "arn:aws:iam::444444444444:policy/none" }),
            &["iam:GetPolicy"],
            "not_found",
        ),
        Step::new(
            "get_policy",
            json!({ "policy": "none" }),
            &["iam:ListPolicies"],
            "not_found",
        ),
        Step::new(
            "list_access_keys",
            json!({}),
            &["iam:ListUsers", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"],
            "ok",
        )
        .unpaged("it gives all users at once"),
        Step::new(
            "list_access_keys",
            json!({ "user_name": "ci-deployer" }),
            &["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"],
            "ok",
        ),
        Step::new(
            "list_access_keys",
            json!({ "user_name": "nobody" }),
            &["iam:ListAccessKeys"],
            "not_found",
        )
        .only_here("ministack says of nobody that they have no keys"),
        Step::new(
            "simulate_principal_policy",
            simulate("arn:aws:iam::444444444444:role/ci/deploy"),
            &["iam:SimulatePrincipalPolicy"],
            "ok",
        ),
        Step::new(
            "simulate_principal_policy",
            simulate("arn:aws:iam::444444444444:role/nobody"),
            &["iam:SimulatePrincipalPolicy"],
            "not_found",
        )
        .only_here("ministack says of nobody that they may do nothing"),
        Step::new(
            "simulate_principal_policy",
            simulate("arn:aws:sts::444444444444:assumed-role/deploy/x"),
            &[],
            "invalid_input",
        ),
    ]
}
