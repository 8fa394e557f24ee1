//! What is in the accounts when they open.

use awsim_core::{RequestContext, ServiceHandler as _};
use awsim_organizations::state::{Account, Organization, Root};
use serde_json::{Value, json};

use super::{CENTRAL, Inner, REGION, Sandbox, SandboxError, TARGET_ROLE, principal::Session, value::set};

mod cloud_control;
pub(super) mod cloudwatch;
mod dns;
mod ec2;
pub(super) mod logs;
mod iam;
mod objects;
mod secrets;

/// The organization that all of the accounts are in.
pub(super) const ORGANIZATION: &str = "o-acme0sandbox";
const BASE_ROLE: &str = "aws-ops-base";

/// Key, secret and session token of the base identity: the ones that AWS's own documentation shows.
pub(super) fn base_key() -> (&'static str, &'static str, &'static str) {
    (
        "ASIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sandbox-base-session-token",
    )
}

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    organization(sandbox).await?;
    central(sandbox).await?;
    for account in Sandbox::accounts().iter().filter(|account| !account.central) {
        target_role(sandbox, account.id).await?;
    }
    role(
        sandbox,
        "222222222222",
        "legacy-admin",
        &trust("arn:aws:iam::222222222222:role/breakglass", None),
    )
    .await?;
    let partner = trust(&base_role(), Some("acme-partner"));
    role(sandbox, "333333333333", "partner-audit", &partner).await?;
    put_role_policy(
        sandbox,
        "333333333333",
        "partner-audit",
        "audit",
        &allow(&["s3:ListAllMyBuckets"]),
    )
    .await?;
    secrets::fill(sandbox).await?;
    dns::fill(sandbox);
    ec2::fill(sandbox);
    iam::fill(sandbox).await?;
    cloud_control::fill(sandbox);
    objects::fill(sandbox).await
}

fn base_role() -> String {
    format!("arn:aws:iam::{CENTRAL}:role/{BASE_ROLE}")
}

async fn organization(sandbox: &Inner) -> Result<(), SandboxError> {
    let state = sandbox.organizations.store().get(CENTRAL, "global");
    let prefix = format!("arn:aws:organizations::{CENTRAL}");
    *state
        .organization
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Organization {
        id: ORGANIZATION.to_owned(),
        arn: format!("{prefix}:organization/{ORGANIZATION}"),
        feature_set: "ALL".to_owned(),
        master_account_id: CENTRAL.to_owned(),
        master_account_arn: format!("{prefix}:account/{ORGANIZATION}/{CENTRAL}"),
        master_account_email: "aws-central@acme.example".to_owned(),
    });
    let root = Root {
        id: "r-acme".to_owned(),
        arn: format!("{prefix}:root/{ORGANIZATION}/r-acme"),
        name: "Root".to_owned(),
        policy_types: Vec::new(),
    };
    state.roots.insert(root.id.clone(), root);
    for account in Sandbox::accounts() {
        let joined = if account.central { "INVITED" } else { "CREATED" };
        state.parents.insert(account.id.to_owned(), "r-acme".to_owned());
        let entry = Account {
            id: account.id.to_owned(),
            arn: format!("{prefix}:account/{ORGANIZATION}/{}", account.id),
            email: format!("aws-{}@acme.example", account.name),
            name: account.name.to_owned(),
            status: "ACTIVE".to_owned(),
            joined_method: joined.to_owned(),
            joined_timestamp: 1_700_000_000,
        };
        state.accounts.insert(account.id.to_owned(), entry);
    }
    Ok(())
}

async fn central(sandbox: &Inner) -> Result<(), SandboxError> {
    let cluster = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }]});
    let id = role(sandbox, CENTRAL, BASE_ROLE, &cluster).await?;
    let assume = allow(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    put_role_policy(sandbox, CENTRAL, BASE_ROLE, "assume-roles", &assume).await?;
    role(sandbox, CENTRAL, "aws-ops-organization", &trust(&base_role(), None)).await?;
    let list = allow(&["organizations:ListAccounts", "organizations:DescribeOrganization"]);
    put_role_policy(sandbox, CENTRAL, "aws-ops-organization", "list-accounts", &list).await?;

    let (key, secret, token) = base_key();
    let session = Session {
        secret: secret.to_owned(),
        token: token.to_owned(),
        role_arn: base_role(),
        arn: format!("arn:aws:sts::{CENTRAL}:assumed-role/{BASE_ROLE}/sandbox"),
        user_id: format!("{id}:sandbox"),
        expires: None,
        policy: None,
        tags: [].into(),
        transitive: Vec::new(),
        source_identity: None,
    };
    sandbox.principals.insert(key.to_owned(), session);
    Ok(())
}

async fn target_role(sandbox: &Inner, account: &str) -> Result<(), SandboxError> {
    role(sandbox, account, TARGET_ROLE, &trust(&base_role(), None)).await?;
    put_role_policy(sandbox, account, TARGET_ROLE, "operate", &operate(account)).await?;
    if account == "222222222222" {
        let guard = json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": "ProductionIsNotForDeleting",
            "Effect": "Deny",
            "Action": [
                "secretsmanager:DeleteSecret", "route53:ChangeResourceRecordSets", "s3:DeleteObject", "s3:DeleteObjectVersion",
            ],
            "Resource": "*",
        }]});
        put_role_policy(sandbox, account, TARGET_ROLE, "guard", &guard).await?;
    }
    Ok(())
}

/// What the server's tools need, and no more.
fn operate(account: &str) -> Value {
    let common = json!([
        {
            "Effect": "Allow",
            "Action": [
                "sts:GetCallerIdentity", "secretsmanager:ListSecrets", "secretsmanager:GetRandomPassword",
                "route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:GetChange",
                "s3:ListAllMyBuckets",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": [
                "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets",
            ],
            "Resource": "arn:aws:route53:::hostedzone/*",
        },
    ]);
    let mut statements: Vec<Value> = common.as_array().cloned().unwrap_or_default();
    statements.extend(secrets::operate(account));
    statements.extend(objects::operate(account));
    statements.extend(cloudwatch::operate(account));
    statements.extend(cloud_control::operate(account));
    statements.extend(logs::operate(account));
    statements.extend(iam::operate(account));
    statements.extend(ec2::operate(account));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(actions: &[&str]) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn trust(principal: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    });
    if let Some(id) = external_id {
        set(
            &mut statement,
            "Condition",
            json!({ "StringEquals": { "sts:ExternalId": id } }),
        );
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// Makes a role and gives its id.
async fn role(sandbox: &Inner, account: &str, name: &str, trust: &Value) -> Result<String, SandboxError> {
    let input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    let made = sandbox
        .iam
        .handle("CreateRole", input, &context("iam", account, REGION))
        .await;
    let made = made.map_err(SandboxError::seeding(name))?;
    Ok(made
        .pointer("/Role/RoleId")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned())
}

pub(super) async fn put_role_policy(
    sandbox: &Inner,
    account: &str,
    role: &str,
    name: &str,
    document: &Value,
) -> Result<(), SandboxError> {
    let input = json!({ "RoleName": role, "PolicyName": name, "PolicyDocument": document.to_string() });
    let put = sandbox
        .iam
        .handle("PutRolePolicy", input, &context("iam", account, REGION))
        .await;
    put.map(|_| ()).map_err(SandboxError::seeding(name))
}

pub(super) async fn put_role_trust(
    sandbox: &Inner,
    account: &str,
    role: &str,
    document: &Value,
) -> Result<(), SandboxError> {
    let input = json!({ "RoleName": role, "PolicyDocument": document.to_string() });
    let context = context("iam", account, REGION);
    let put = sandbox.iam.handle("UpdateAssumeRolePolicy", input, &context).await;
    put.map(|_| ()).map_err(SandboxError::seeding(role))
}

fn context(service: &str, account: &str, region: &str) -> RequestContext {
    RequestContext::internal(service, region, account)
}

#[cfg(test)]
mod tests;
