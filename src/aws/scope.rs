//! What a target is signed in for: the step between "who and where" and asking STS.

use std::sync::Arc;

use super::{
    ids::AccountId,
    policy::{Place, Policy},
    resolve::{Identity, RoleSession, Target},
};

impl RoleSession {
    /// The longest that a session lasts. IRSA to target is role chaining, for which STS allows no more than an hour.
    pub const LONGEST: i32 = 3600;
    /// How long a session for a change lasts: the shortest that STS gives.
    pub const ONCE: i32 = 900;
}

impl Target {
    /// For calls that look: a session which those of one caller, role and policy share.
    ///
    /// Only a role session can be cut down. A profile's and the base identity's keys are what they are.
    #[must_use]
    pub fn for_reading(self, policy: &Policy) -> Self {
        self.with(|session| session.policy = policy.clone())
    }

    /// For one change by this tool: a session of its own, as short as can be, and never kept.
    #[must_use]
    pub fn for_writing(self, policy: Policy, tool: &str) -> Self {
        let narrowed = self.with(|session| {
            session.policy = policy;
            session.seconds = RoleSession::ONCE;
            session.once = true;
            // Tags are either all sent or none.
            if !session.tags.is_empty() {
                session.tags.push(("tool", tool.to_owned()));
            }
        });
        Self {
            writes: true,
            ..narrowed
        }
    }

    /// For calls that the AWS MCP Server makes: a session which those of one caller, role and policy share, since the server keeps one
    /// of its own for each. `writes` as far as anything may be changed.
    #[must_use]
    pub fn for_forwarding(self, policy: &Policy, writes: bool) -> Self {
        Self {
            writes,
            ..self.for_reading(policy)
        }
    }

    /// The parts of ARNs in this target; `None` where no policy can be sent along.
    pub fn place(&self) -> Option<Place<'_>> {
        match (&self.identity, self.region) {
            (Identity::Role(session), Some(region)) => Some(Place {
                partition: session.role.partition(),
                region: region.as_str(),
                account: session.role.account().as_str(),
            }),
            _ => None,
        }
    }

    /// The account that the configuration says it is; `None` for a profile or base identity that it says nothing about.
    pub fn expected_account(&self) -> Option<&AccountId> {
        self.account
            .as_ref()
            .and_then(|a| a.id.as_ref())
            .or(match &self.identity {
                Identity::Role(session) => Some(session.role.account()),
                _ => None,
            })
    }

    fn with(mut self, change: impl FnOnce(&mut RoleSession)) -> Self {
        if let Identity::Role(session) = &mut self.identity {
            change(Arc::make_mut(session));
        }
        self
    }
}

impl Identity {
    /// Whether it is for one call and no other.
    pub fn once(&self) -> bool {
        matches!(self, Self::Role(session) if session.once)
    }

    /// What identifies it beside what one call is for: role and caller, or profile.
    #[must_use]
    pub fn without_purpose(&self) -> Self {
        match self {
            Self::Role(session) => Self::Role(Arc::new(RoleSession {
                policy: Policy::nothing(),
                seconds: RoleSession::LONGEST,
                once: false,
                tags: Vec::new(),
                ..RoleSession::clone(session)
            })),
            other => other.clone(),
        }
    }
}
