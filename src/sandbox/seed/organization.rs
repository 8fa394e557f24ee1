//! The organization: its units, an account that nobody works in any more, and its service control policies.

use awsim_organizations::state::{Account, OrganizationalUnit, Policy};
use serde_json::{Value, json};

use super::{CENTRAL, Inner, ORGANIZATION};

const PRODUCTION: &str = "ou-acme-prod0001";
const NONPRODUCTION: &str = "ou-acme-nonprod1";
const WORKLOADS: &str = "ou-acme-workload";
const SUSPENDED: &str = "ou-acme-suspend1";

/// What the role that looks at the organization may do.
pub(super) const READS: [&str; 9] = [
    "organizations:DescribeOrganization",
    "organizations:DescribeOrganizationalUnit",
    "organizations:DescribePolicy",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "organizations:ListRoots",
];

pub(super) fn fill(sandbox: &Inner) {
    let state = sandbox.organizations.store().get(CENTRAL, "global");
    let prefix = format!("arn:aws:organizations::{CENTRAL}");
    for (id, name, parent) in [
        (WORKLOADS, "workloads", "r-acme"),
        (PRODUCTION, "production", WORKLOADS),
        (NONPRODUCTION, "nonproduction", WORKLOADS),
        (SUSPENDED, "suspended", "r-acme"),
    ] {
        let unit = OrganizationalUnit {
            id: id.to_owned(),
            arn: format!("{prefix}:ou/{ORGANIZATION}/{id}"),
            name: name.to_owned(),
        };
        state.ous.insert(id.to_owned(), unit);
        state.parents.insert(id.to_owned(), parent.to_owned());
    }
    let old = "555555555555";
    let account = Account {
        id: old.to_owned(),
        arn: format!("{prefix}:account/{ORGANIZATION}/{old}"),
        email: "aws-old-sandbox@acme.example".to_owned(),
        name: "old-sandbox".to_owned(),
        status: "SUSPENDED".to_owned(),
        joined_method: "CREATED".to_owned(),
        joined_timestamp: 1_600_000_000,
    };
    state.accounts.insert(old.to_owned(), account);
    for (account, unit) in [
        ("222222222222", PRODUCTION),
        ("333333333333", NONPRODUCTION),
        ("444444444444", NONPRODUCTION),
        (old, SUSPENDED),
    ] {
        state.parents.insert(account.to_owned(), unit.to_owned());
    }

    let everything = ["r-acme", WORKLOADS, PRODUCTION, NONPRODUCTION, SUSPENDED]
        .into_iter()
        .map(str::to_owned)
        .chain(state.accounts.iter().map(|account| account.key().clone()))
        .collect();
    for (id, name, description, statement, targets) in [
        (
            "p-FullAWSAccess",
            "FullAWSAccess",
            "Allows access to every operation",
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }),
            everything,
        ),
        (
            "p-stay0001",
            "stay-in-the-organization",
            "No account leaves the organization by itself",
            json!({ "Sid": "StayHere", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*" }),
            vec!["r-acme".to_owned()],
        ),
        (
            "p-regions1",
            "known-regions",
            "Nothing is started where nobody looks",
            elsewhere(),
            vec![WORKLOADS.to_owned()],
        ),
    ] {
        let aws = id == "p-FullAWSAccess";
        let owner = if aws {
            "aws:policy".to_owned()
        } else {
            format!("{CENTRAL}:policy/{ORGANIZATION}")
        };
        let policy = Policy {
            id: id.to_owned(),
            arn: format!("arn:aws:organizations::{owner}/service_control_policy/{id}"),
            name: name.to_owned(),
            description: description.to_owned(),
            policy_type: "SERVICE_CONTROL_POLICY".to_owned(),
            content: json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string(),
            aws_managed: aws,
        };
        state.policies.insert(id.to_owned(), policy);
        state.policy_attachments.insert(id.to_owned(), targets);
    }
}

fn elsewhere() -> Value {
    json!({
        "Sid": "NothingNewElsewhere",
        "Effect": "Deny",
        "Action": ["ec2:RunInstances", "rds:CreateDBInstance", "elasticache:CreateReplicationGroup"],
        "Resource": "*",
        "Condition": { "StringNotEquals": { "aws:RequestedRegion": ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"] } },
    })
}
