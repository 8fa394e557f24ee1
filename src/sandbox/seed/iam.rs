//! The accounts' people, robots and roles, of several ages.

use std::time::{Duration, SystemTime};

use aws_smithy_types::{DateTime, date_time::Format};
use awsim_core::ServiceHandler as _;
use awsim_iam::state::{AccessKey, AccessKeyLastUsed};
use serde_json::{Value, json};

use super::{Inner, SandboxError, context, role};
use crate::sandbox::{REGION, Sandbox};

const DAY: u64 = 86_400;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// Who uses a key: user, id, status, age in days, and seconds since the last use, with service and region.
type Key = (
    &'static str,
    &'static str,
    &'static str,
    u64,
    Option<(u64, &'static str, &'static str)>,
);

const KEYS: [Key; 5] = [
    (
        "ci-deployer",
        "CIDEPLOY",
        "Active",
        412,
        Some((2 * 3600, "ecr", REGION)),
    ),
    (
        "datadog-integration",
        "DATADOG0",
        "Active",
        30,
        Some((300, "monitoring", REGION)),
    ),
    ("jane.doe", "JANEDOE0", "Inactive", 700, Some((510 * DAY, "s3", REGION))),
    ("jane.doe", "JANEDOE1", "Active", 200, None),
    (
        "reporting",
        "REPORTIN",
        "Active",
        95,
        Some((120 * 60, "athena", "eu-west-1")),
    ),
];

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    for account in Sandbox::accounts().iter().filter(|account| !account.central) {
        users(sandbox, account.id).await?;
        policies(sandbox, account.id).await?;
        roles(sandbox, account.id, account.environment).await?;
    }
    Ok(())
}

/// What the tools need. `GetPolicy` also reads AWS's own policies, which are in no account.
pub(super) fn operate(account: &str) -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": [
                "iam:GetAccountAuthorizationDetails", "iam:ListUsers", "iam:ListRoles", "iam:ListPolicies", "iam:GetPolicy",
                "iam:GetPolicyVersion", "iam:ListPolicyVersions",
            ],
            "Resource": "*",
        }),
        json!({
            "Effect": "Allow",
            "Action": [
                "iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAccessKeys",
                "iam:GetAccessKeyLastUsed", "iam:SimulatePrincipalPolicy",
            ],
            "Resource": format!("arn:aws:iam::{account}:*"),
        }),
    ]
}

/// Asks the emulator as an account's owner.
async fn ask(sandbox: &Inner, account: &str, operation: &str, input: Value) -> Result<(), SandboxError> {
    let asked = sandbox
        .iam
        .handle(operation, input, &context("iam", account, REGION))
        .await;
    asked.map(drop).map_err(SandboxError::seeding(operation))
}

async fn users(sandbox: &Inner, account: &str) -> Result<(), SandboxError> {
    let state = sandbox.iam_answers.state(account);
    for name in ["ci-deployer", "datadog-integration", "jane.doe", "reporting", "ron.roe"] {
        let path = if name.contains('.') { "/people/" } else { "/robots/" };
        ask(
            sandbox,
            account,
            "CreateUser",
            json!({ "UserName": name, "Path": path }),
        )
        .await?;
    }
    for (user, id, status, age, used) in KEYS {
        // Keys are known by their ids alone, so each account has its own.
        let id = format!("AKIA{id}{}", account.get(..8).unwrap_or_default());
        if let Some((ago, service, region)) = used {
            let used = AccessKeyLastUsed {
                last_used_date: Some(ago_iso(ago)),
                service_name: service.to_owned(),
                region: region.to_owned(),
            };
            state.access_key_last_used.insert(id.clone(), used);
        }
        let key = AccessKey {
            access_key_id: id,
            // Nobody has it: these keys are to be looked at.
            secret_access_key: uuid::Uuid::new_v4().simple().to_string(),
            status: status.to_owned(),
            create_date: ago_iso(age * DAY),
        };
        if let Some(mut user) = state.users.get_mut(user) {
            user.create_date = ago_iso((age + 1) * DAY);
            user.access_keys.push(key);
        }
    }
    Ok(())
}

async fn policies(sandbox: &Inner, account: &str) -> Result<(), SandboxError> {
    let deploy = |actions: &[&str]| {
        let statement = json!({ "Sid": "Deploy", "Effect": "Allow", "Action": actions, "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let input = json!({
        "PolicyName": "acme-deploy", "Path": "/ci/", "Description": "What the deployment pipeline may do",
        "PolicyDocument": deploy(&["ecr:*", "ecs:*"]),
    });
    ask(sandbox, account, "CreatePolicy", input).await?;
    let arn = format!("arn:aws:iam::{account}:policy/ci/acme-deploy");
    let second = deploy(&[
        "ecr:GetAuthorizationToken",
        "ecr:PutImage",
        "ecs:UpdateService",
        "s3:GetObject",
    ]);
    let input = json!({ "PolicyArn": arn, "PolicyDocument": second, "SetAsDefault": "true" });
    ask(sandbox, account, "CreatePolicyVersion", input).await?;
    let boundary = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Sid": "NoNewPower", "Effect": "Deny", "Action": ["iam:Create*", "iam:Attach*", "iam:Put*"], "Resource": "*" },
    ]});
    let input = json!({ "PolicyName": "acme-boundary", "PolicyDocument": boundary.to_string() });
    ask(sandbox, account, "CreatePolicy", input).await
}

async fn roles(sandbox: &Inner, account: &str, environment: &str) -> Result<(), SandboxError> {
    let service = |name: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": name }, "Action": "sts:AssumeRole" },
        ]})
    };
    // Name, path, who assumes it, age in days, seconds since the last use.
    let seeds = [
        ("deploy", "/ci/", "codebuild.amazonaws.com", 640, Some(3 * 3600)),
        ("web", "/", "ec2.amazonaws.com", 500, Some(600)),
        ("batch-runner", "/", "ecs-tasks.amazonaws.com", 720, Some(140 * DAY)),
        ("legacy-import", "/", "lambda.amazonaws.com", 1100, None),
        (
            "AWSServiceRoleForSupport",
            "/aws-service-role/support.amazonaws.com/",
            "support.amazonaws.com",
            1500,
            None,
        ),
    ];
    let state = sandbox.iam_answers.state(account);
    for (name, path, principal, age, used) in seeds {
        role(sandbox, account, name, &service(principal)).await?;
        if let Some(mut role) = state.roles.get_mut(name) {
            role.arn = format!("arn:aws:iam::{account}:role{path}{name}");
            role.path = path.to_owned();
            role.create_date = ago_iso(age * DAY);
            role.tags.insert("environment".to_owned(), environment.to_owned());
        }
        if let Some(ago) = used {
            sandbox.iam_answers.use_role(account, name, ago_iso(ago), REGION);
        }
    }
    sandbox
        .iam_answers
        .use_role(account, super::TARGET_ROLE, ago_iso(60), REGION);
    let attach = |role: &str, arn: &str| json!({ "RoleName": role, "PolicyArn": arn });
    let deploy = format!("arn:aws:iam::{account}:policy/ci/acme-deploy");
    ask(sandbox, account, "AttachRolePolicy", attach("deploy", &deploy)).await?;
    ask(sandbox, account, "AttachRolePolicy", attach("legacy-import", READ_ONLY)).await?;
    // The emulator's copies of AWS's policies allow nothing.
    if let Some(mut policy) = state.policies.get_mut(READ_ONLY) {
        let actions = [
            "s3:Get*",
            "s3:List*",
            "ec2:Describe*",
            "logs:Get*",
            "logs:FilterLogEvents",
            "iam:Get*",
            "iam:List*",
        ];
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        policy
            .versions
            .iter_mut()
            .for_each(|v| v.document.clone_from(&document));
        policy.policy_document = document;
        policy.description = Some("Provides read-only access to AWS services and resources.".to_owned());
    }
    let boundary = format!("arn:aws:iam::{account}:policy/acme-boundary");
    let bound = json!({ "RoleName": "deploy", "PermissionsBoundary": boundary });
    ask(sandbox, account, "PutRolePermissionsBoundary", bound).await?;
    let artifacts = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Artifacts", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-*-artifacts-*/*" },
        { "Sid": "OnlyByMfa", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*",
          "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "false" } } },
    ]});
    super::put_role_policy(sandbox, account, "deploy", "artifacts", &artifacts).await
}

fn ago_iso(seconds: u64) -> String {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    DateTime::from_secs(DateTime::from(then).secs())
        .fmt(Format::DateTime)
        .unwrap_or_default()
}
