//! Whose key it is. The emulator takes a key that it doesn't know for an administrator's; here it is nobody's.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use awsim_core::PrincipalLookup as _;
use awsim_iam::{IamService, authz::IamPrincipalLookup};
use awsim_iam_policy::PolicyDocument;

/// Somebody who proved who they are, with all that their requests are judged by.
#[derive(Clone)]
pub(super) struct Identity {
    /// As `GetCallerIdentity` and denials show it: for a role, the session's ARN.
    pub(super) arn: String,
    /// As policies name it: for a session, the role's ARN.
    pub(super) principal: String,
    pub(super) account: String,
    pub(super) user_id: String,
    /// The account's owner, whom no policy restricts. Seeding and tests use it.
    pub(super) root: bool,
    pub(super) policies: Vec<PolicyDocument>,
    pub(super) boundary: Option<PolicyDocument>,
    pub(super) session: Option<Session>,
    pub(super) tags: HashMap<String, String>,
}

/// What `AssumeRole` gave out.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) role_arn: String,
    pub(super) arn: String,
    pub(super) user_id: String,
    /// `None`: never, as for the base identity, which stands for credentials that renew themselves.
    pub(super) expires: Option<SystemTime>,
    /// The union of the session's policies, which must allow what is asked, as the role's must.
    pub(super) policy: Option<PolicyDocument>,
    pub(super) tags: HashMap<String, String>,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
}

/// What is known of an access key.
pub(super) enum Key {
    Known {
        secret: String,
        token: Option<String>,
        identity: Box<Identity>,
    },
    Expired,
    Unknown,
}

/// Every key of every account.
pub(super) struct Principals {
    iam: IamPrincipalLookup,
    users: awsim_core::AccountRegionStore<awsim_iam::state::IamState>,
    sessions: RwLock<HashMap<String, Session>>,
    admin_secret: String,
}

const ADMIN_PREFIX: &str = "AKIAROOT";

impl Principals {
    pub(super) fn new(iam: &Arc<IamService>) -> Self {
        Self {
            iam: IamPrincipalLookup::new(iam.store()),
            users: iam.store(),
            sessions: RwLock::default(),
            admin_secret: uuid::Uuid::new_v4().simple().to_string(),
        }
    }

    /// Access key and secret of an account's owner. The secret differs from process to process.
    pub(super) fn admin(&self, account: &str) -> (String, String) {
        (format!("{ADMIN_PREFIX}{account}"), self.admin_secret.clone())
    }

    pub(super) fn insert(&self, key: String, session: Session) {
        self.sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, session);
    }

    /// Lets every session end that can. The base identity's can't.
    pub(super) fn expire_sessions(&self) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions
            .values_mut()
            .for_each(|s| s.expires = s.expires.map(|_| SystemTime::UNIX_EPOCH));
    }

    /// A session as it was given out, expired or not.
    pub(super) fn given(&self, key: &str) -> Option<Session> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(key).cloned()
    }

    pub(super) fn find(&self, key: &str, now: SystemTime) -> Key {
        if let Some(account) = key.strip_prefix(ADMIN_PREFIX).filter(|a| super::account_exists(a)) {
            return Key::Known {
                secret: self.admin_secret.clone(),
                token: None,
                identity: Box::new(root(account)),
            };
        }
        match self.given(key) {
            Some(session) if session.expires.is_some_and(|end| end <= now) => Key::Expired,
            Some(session) => self.session(session).unwrap_or(Key::Unknown),
            None => self.user(key).unwrap_or(Key::Unknown),
        }
    }

    /// A session has its role's policies as they are now; without its role it is nobody.
    fn session(&self, session: Session) -> Option<Key> {
        let role = self.iam.resolve_arn(&session.role_arn)?;
        let (secret, token) = (session.secret.clone(), Some(session.token.clone()));
        let mut tags = role.tags;
        tags.extend(session.tags.clone());
        let identity = Identity {
            arn: session.arn.clone(),
            principal: role.arn,
            account: role.account,
            user_id: session.user_id.clone(),
            root: false,
            policies: role.identity_policies,
            boundary: role.permissions_boundary,
            session: Some(session),
            tags,
        };
        Some(Key::Known {
            secret,
            token,
            identity: Box::new(identity),
        })
    }

    fn user(&self, key: &str) -> Option<Key> {
        let secret = self.iam.resolve_secret(key)?;
        let user = self.iam.resolve_access_key(key)?;
        let name = user.arn.rsplit('/').next().unwrap_or_default();
        let state = self.users.get(&user.account, "global");
        let user_id = state.users.get(name).map(|u| u.user_id.clone()).unwrap_or_default();
        let identity = Identity {
            principal: user.arn.clone(),
            arn: user.arn,
            account: user.account,
            user_id,
            root: false,
            policies: user.identity_policies,
            boundary: user.permissions_boundary,
            session: None,
            tags: user.tags,
        };
        Some(Key::Known {
            secret,
            token: None,
            identity: Box::new(identity),
        })
    }
}

fn root(account: &str) -> Identity {
    let arn = format!("arn:aws:iam::{account}:root");
    Identity {
        principal: arn.clone(),
        arn,
        account: account.to_owned(),
        user_id: account.to_owned(),
        root: true,
        policies: Vec::new(),
        boundary: None,
        session: None,
        tags: HashMap::new(),
    }
}
