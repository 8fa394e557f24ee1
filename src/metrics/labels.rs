//! The values that labels may have.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// What a value is that is none of those told apart.
const OTHER: &str = "other";
/// The longest name that becomes a label's value.
const LONGEST_NAME: usize = 64;

/// Names from outside, of which only the first so many are told apart.
pub(super) struct Names {
    most: usize,
    seen: Mutex<HashSet<String>>,
}

impl Names {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    /// The name, or `other`.
    pub(super) fn of(&self, name: &str) -> String {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(name) {
            return name.to_owned();
        }
        if seen.len() >= self.most || name.len() > LONGEST_NAME {
            return OTHER.to_owned();
        }
        seen.insert(name.to_owned());
        name.to_owned()
    }
}

/// Services that requests are signed for, as signatures name them.
const SERVICES: [&str; 17] = [
    "aws-mcp",
    "bedrock-agentcore",
    "cloudcontrolapi",
    "cloudtrail",
    "ec2",
    "iam",
    "logs",
    "monitoring",
    "organizations",
    "route53",
    "s3",
    "secretsmanager",
    "signin",
    "sso",
    "sso-oauth",
    "sts",
    "tagging",
];

/// The service that a signature names in its scope: `unsigned` without a signature, `other` for a service that this server does not know.
pub fn service(authorization: Option<&str>) -> &'static str {
    let Some(authorization) = authorization else {
        return "unsigned";
    };
    // `Credential=key/date/region/service/aws4_request`; SigV4a has no region.
    let scope = authorization.split("Credential=").nth(1).unwrap_or_default();
    let scope = scope.split(',').next().unwrap_or_default();
    let named = scope.rsplit('/').nth(1).unwrap_or_default();
    SERVICES.into_iter().find(|s| *s == named).unwrap_or(OTHER)
}

/// How a client keeps its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `/mcp`, in the protocol's revisions that have sessions.
    StreamableHttp,
    /// `/sse`.
    Sse,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::StreamableHttp, Self::Sse];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable_http",
            Self::Sse => "sse",
        }
    }
}

/// Why a request was turned away before any tool ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No token: how clients find out that one is needed.
    NoToken,
    /// A token that is not known or malformed.
    Token,
    /// Too many such tokens from one address.
    AuthFailures,
    /// A Host that is not allowed.
    Host,
    /// An Origin that is not allowed.
    Origin,
    /// A body beyond MAX_BODY_BYTES.
    BodyTooLarge,
    /// A body that took longer than BODY_READ_TIMEOUT.
    BodyTimeout,
    /// A body that is no message.
    BodyInvalid,
    /// The caller has as many sessions as it may.
    CallerSessions,
    /// The process has as many sessions as it may.
    Sessions,
    /// No such session, or another caller's.
    UnknownSession,
    /// Too many calls of one session wait.
    SessionBusy,
    /// CALLER_RATE.
    CallerRate,
    /// CALLER_WRITE_RATE.
    CallerWriteRate,
    /// MAX_IN_FLIGHT_PER_CALLER.
    CallerInFlight,
    /// MAX_READS_IN_FLIGHT.
    ReadsInFlight,
    /// MAX_WRITES_IN_FLIGHT.
    WritesInFlight,
    /// What replicas share can't be asked.
    State,
    /// The process is ending.
    ShuttingDown,
    /// No such tool.
    UnknownTool,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::NoToken,
        Self::Token,
        Self::AuthFailures,
        Self::Host,
        Self::Origin,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BodyInvalid,
        Self::CallerSessions,
        Self::Sessions,
        Self::UnknownSession,
        Self::SessionBusy,
        Self::CallerRate,
        Self::CallerWriteRate,
        Self::CallerInFlight,
        Self::ReadsInFlight,
        Self::WritesInFlight,
        Self::State,
        Self::ShuttingDown,
        Self::UnknownTool,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Token => "token",
            Self::AuthFailures => "auth_failures",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyInvalid => "body_invalid",
            Self::CallerSessions => "caller_sessions",
            Self::Sessions => "sessions",
            Self::UnknownSession => "unknown_session",
            Self::SessionBusy => "session_busy",
            Self::CallerRate => "caller_rate",
            Self::CallerWriteRate => "caller_write_rate",
            Self::CallerInFlight => "caller_in_flight",
            Self::ReadsInFlight => "reads_in_flight",
            Self::WritesInFlight => "writes_in_flight",
            Self::State => "state",
            Self::ShuttingDown => "shutting_down",
            Self::UnknownTool => "unknown_tool",
        }
    }
}
