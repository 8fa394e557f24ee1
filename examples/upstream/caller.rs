//! Who may sign: credentials that are made up, and the account that they belong to.

use std::time::SystemTime;

use aws_ops_mcp::sandbox::Sandbox;

/// Credentials and whose they are. Nothing here is worth hiding: none of it is known to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) account: String,
    /// The principal, which sessions belong to: it stays when credentials are renewed.
    pub(crate) arn: String,
    /// `None`: never.
    pub(crate) expires: Option<SystemTime>,
}

impl Caller {
    /// A user with a key for long use. The same account always has the same key.
    pub(crate) fn of(account: &str) -> Self {
        Self {
            access_key: format!("AKIAUPSTREAM{account}"),
            secret: format!("made-up-secret-of-{account}"),
            token: None,
            account: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:user/upstream"),
            expires: None,
        }
    }

    /// Whoever has this key in the sandbox.
    pub(crate) fn in_sandbox(sandbox: &Sandbox, access_key: &str) -> Option<Self> {
        let (credentials, arn) = sandbox.signer(access_key)?;
        Some(Self {
            access_key: access_key.to_owned(),
            secret: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
            account: arn.split(':').nth(4)?.to_owned(),
            arn,
            expires: credentials.expiry(),
        })
    }

    /// A role's session, with a token.
    pub(crate) fn session_of(account: &str, name: &str) -> Self {
        Self {
            access_key: format!("ASIAUPSTREAM{account}"),
            secret: format!("made-up-secret-of-{account}-{name}"),
            token: Some(format!("made-up+token/of={account}-{name}==")),
            account: account.to_owned(),
            arn: format!("arn:aws:sts::{account}:assumed-role/upstream/{name}"),
            expires: None,
        }
    }
}
