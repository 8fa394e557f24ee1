//! Several AWS accounts in process, so that a newcomer needs none and the tests meet a real one's refusals.
//!
//! A central account and three workload accounts, with believable contents, behind real SigV4 and enforced IAM.
//! The services are those of the `awsim` crates where their answers are AWS's; where they aren't, the modules here
//! put them right. Every request passes the one gateway: signature, then policies, then the service.
//!
//! | account | id | roles |
//! |---|---|---|
//! | central | 111111111111 | `aws-ops-base` (the base identity), `aws-ops-organization` (may list the accounts) |
//! | production | 222222222222 | `aws-ops-target`, which denies `secretsmanager:DeleteSecret`, `route53:ChangeResourceRecordSets` and `s3:DeleteObject`; `legacy-admin`, which doesn't trust the base identity |
//! | staging | 333333333333 | `aws-ops-target`; `partner-audit`, which wants the external id `acme-partner` |
//! | development | 444444444444 | `aws-ops-target` |
//!
//! Not here: virtual-hosted buckets, KMS, and the checking of each chunk of a
//! signed streaming body.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_credential_types::Credentials;
use awsim_core::AwsError;
use awsim_iam::IamService;

mod authorise;
mod cbor;
mod cloud_control;
mod cloudtrail;
mod cloudwatch;
mod ec2;
mod gateway;
mod iam;
mod logs;
mod organizations;
mod principal;
mod route53;
mod s3;
mod secrets;
mod seed;
pub mod signature;
mod sts;
mod transport;
mod value;

#[cfg(test)]
mod testing;

pub use transport::SandboxServer;

/// The account whose identity reaches the others.
const CENTRAL: &str = "111111111111";
/// The role in each workload account that the server's calls run as.
const TARGET_ROLE: &str = "aws-ops-target";
/// The region of everything, but for a few secrets.
const REGION: &str = "us-east-1";

/// One account of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxAccount {
    /// Twelve digits.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What it is for, for selectors such as `environment:staging`.
    pub environment: &'static str,
    /// Whether it holds the base identity, rather than workloads.
    pub central: bool,
    /// The role to assume in it. The central account has none: nothing is operated there.
    pub role_arn: Option<String>,
}

/// Why a sandbox couldn't be built. It takes nothing from outside, so this is a fault of the sandbox's own.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox couldn't seed {what}: {why}")]
pub struct SandboxError {
    what: String,
    why: String,
}

impl SandboxError {
    fn seeding(what: &str) -> impl FnOnce(AwsError) -> Self {
        move |error| Self {
            what: what.to_owned(),
            why: error.to_string(),
        }
    }
}

/// The accounts. Clones share them.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    principals: Arc<principal::Principals>,
    iam: Arc<IamService>,
    iam_answers: iam::Iam,
    sts: sts::Sts,
    organizations: organizations::Organizations,
    secrets: secrets::Secrets,
    route53: route53::Route53,
    s3: s3::S3,
    cloud_control: cloud_control::CloudControl,
    cloudtrail: cloudtrail::CloudTrail,
    cloudwatch: cloudwatch::CloudWatch,
    logs: logs::Logs,
    ec2: ec2::Ec2,
    calls: Mutex<HashMap<(String, String), usize>>,
    throttled: AtomicBool,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sandbox")
    }
}

impl Sandbox {
    /// Builds the accounts and fills them. Nothing listens yet.
    pub async fn new() -> Result<Self, SandboxError> {
        let iam = Arc::new(IamService::new());
        let principals = Arc::new(principal::Principals::new(&iam));
        let inner = Inner {
            sts: sts::Sts::new(iam.clone(), principals.clone()),
            principals,
            iam_answers: iam::Iam::new(iam.clone()),
            iam,
            organizations: organizations::Organizations::new(),
            secrets: secrets::Secrets::new(),
            route53: route53::Route53::default(),
            s3: s3::S3::new(),
            cloud_control: cloud_control::CloudControl::default(),
            cloudtrail: cloudtrail::CloudTrail::default(),
            cloudwatch: cloudwatch::CloudWatch::default(),
            logs: logs::Logs::default(),
            ec2: ec2::Ec2::default(),
            calls: Mutex::default(),
            throttled: AtomicBool::new(false),
        };
        seed::fill(&inner).await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The role in the management account that may look at the organization.
    pub const ORGANIZATION_ROLE: &str = "arn:aws:iam::111111111111:role/aws-ops-organization";

    /// The accounts that there are, the central one first.
    pub fn accounts() -> Vec<SandboxAccount> {
        let account = |id, name, central| SandboxAccount {
            id,
            name,
            environment: name,
            central,
            role_arn: (!central).then(|| format!("arn:aws:iam::{id}:role/{TARGET_ROLE}")),
        };
        vec![
            account(CENTRAL, "central", true),
            account("222222222222", "production", false),
            account("333333333333", "staging", false),
            account("444444444444", "development", false),
        ]
    }

    /// The credentials of the base identity, `arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox`, as a
    /// cluster's web identity would give them. They may assume roles, and nothing else; they don't expire.
    pub fn base_credentials(&self) -> Credentials {
        let (key, secret, token) = seed::base_key();
        Credentials::new(key, secret, Some(token.to_owned()), None, "sandbox")
    }

    /// The credentials of an account's owner, whom no policy restricts: for seeding, and for tests that change
    /// what others may do. They can't assume roles, as at AWS.
    pub fn admin_credentials(&self, account: &str) -> Credentials {
        let (key, secret) = self.inner.principals.admin(account);
        Credentials::new(key, secret, None, None, "sandbox")
    }

    /// The credentials that an access key belongs to, and the ARN of whose they are: for whoever stands in for another AWS
    /// service and has to check a signature. Sessions that have expired are told by their expiry.
    pub fn signer(&self, access_key: &str) -> Option<(Credentials, String)> {
        let principals = &self.inner.principals;
        let made = |secret, token, expires| Credentials::new(access_key, secret, token, expires, "sandbox");
        if let Some(session) = principals.given(access_key) {
            return Some((made(session.secret, Some(session.token), session.expires), session.arn));
        }
        match principals.find(access_key, std::time::SystemTime::now()) {
            principal::Key::Known {
                secret,
                token,
                identity,
            } => Some((made(secret, token, None), identity.arn)),
            _ => None,
        }
    }

    /// How many times an operation was answered, such as `("sts", "AssumeRole")`, refusals by a policy included.
    pub fn calls(&self, service: &str, operation: &str) -> usize {
        let calls = self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls
            .get(&(service.to_owned(), operation.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Ends every session that `AssumeRole` gave out, as time would.
    pub fn expire_sessions(&self) {
        self.inner.principals.expire_sessions();
    }

    /// From now on, whether every service but STS says that it is asked too often, each in its own words.
    pub fn throttle(&self, on: bool) {
        self.inner.throttled.store(on, Ordering::Relaxed);
    }

    /// Writes an inline policy of a role, in place of one of the same name. Sessions that are open feel it at once.
    pub async fn put_role_policy(
        &self,
        account: &str,
        role: &str,
        name: &str,
        document: &serde_json::Value,
    ) -> Result<(), SandboxError> {
        seed::put_role_policy(&self.inner, account, role, name, document).await
    }

    /// Replaces a role's trust policy. Sessions that are open stay open.
    pub async fn put_role_trust(
        &self,
        account: &str,
        role: &str,
        document: &serde_json::Value,
    ) -> Result<(), SandboxError> {
        seed::put_role_trust(&self.inner, account, role, document).await
    }
}

impl Inner {
    fn count(&self, service: &str, operation: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((service.to_owned(), operation.to_owned())).or_default() += 1;
    }
}

fn account_exists(id: &str) -> bool {
    Sandbox::accounts().iter().any(|account| account.id == id)
}
