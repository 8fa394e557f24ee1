//! Why a signed request brought no answer: what was wrong, and who can do something about it.

use std::time::Duration;

use rmcp::{
    ServiceError,
    service::ClientInitializeError,
    transport::{DynamicTransportError, streamable_http_client::StreamableHttpError},
};

use crate::aws::AccountError;

/// Why a signed request brought no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// There are no keys to sign with.
    #[error("{0}")]
    Credentials(String),
    /// The keys of the identity could not be had.
    #[error(transparent)]
    Account(AccountError),
    /// The request could not be signed or sent as it was.
    #[error("the request can't be sent: {0}")]
    Request(String),
    /// No connection: a wrong host, a closed port, a network without a way there.
    #[error("can't connect to {host}: {message}. Check the endpoint, the network and the proxy (HTTPS_PROXY)")]
    Connect {
        /// The endpoint's host.
        host: String,
        /// What the network said.
        message: String,
    },
    /// The connection is there, but not trusted.
    #[error(
        "can't trust {host}: {message}. If a proxy of your own signs its certificates, name its authority in AWS_CA_BUNDLE"
    )]
    Tls {
        /// The endpoint's host.
        host: String,
        /// What TLS said.
        message: String,
    },
    /// Nothing was heard for so long.
    #[error("{host} did not answer within {} s", .after.as_secs_f64())]
    TimedOut {
        /// The endpoint's host.
        host: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The endpoint answered with an HTTP error.
    #[error("HTTP {status} from {host}{}", said(.message))]
    Status {
        /// The endpoint's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// AWS's error type, such as `ExpiredTokenException`, where it gave one.
        code: Option<String>,
        /// What the answer's body says, one line.
        message: String,
        /// `Retry-After`, as it was sent.
        retry_after: Option<String>,
    },
    /// More requests are waiting here than the endpoint's limit has turns for soon.
    #[error("{0}")]
    Busy(String),
    /// The server answered with a JSON-RPC error.
    #[error("{host} answered: {message} (JSON-RPC {code})")]
    Refused {
        /// The endpoint's host.
        host: String,
        /// The JSON-RPC code.
        code: i32,
        /// The server's message, one line.
        message: String,
    },
    /// The server says that it no longer has the session, so it has begun nothing.
    #[error("{host} no longer has the session: {message}")]
    Forgotten {
        /// The endpoint's host.
        host: String,
        /// What it said, one line.
        message: String,
    },
    /// The session or the connection ended before the answer came, so nobody knows how far the server got.
    #[error("{host} was lost before it answered: {message}")]
    Lost {
        /// The endpoint's host.
        host: String,
        /// What ended.
        message: String,
    },
    /// The endpoint wanted the request elsewhere: a signed request is sent to nobody but whom it was signed for.
    #[error(
        "{host} redirects (HTTP {status}) to {}, and signed requests follow no redirect: use that URL as the endpoint if it is the \
         intended server", .to.as_deref().unwrap_or("nowhere")
    )]
    Redirect {
        /// The endpoint's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Where to, on one line.
        to: Option<String>,
    },
    /// The answer is larger than anybody should keep in memory.
    #[error("the answer of {host} has more than {limit} bytes")]
    TooLarge {
        /// The endpoint's host.
        host: String,
        /// What would have been taken.
        limit: usize,
    },
    /// The answer broke off.
    #[error("the answer of {host} broke off: {message}")]
    BrokeOff {
        /// The endpoint's host.
        host: String,
        /// What the network said.
        message: String,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

impl UpstreamError {
    /// The error behind one of rmcp's, if it was a request's.
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut source = Some(error);
        while let Some(current) = source {
            if let Some(own) = current.downcast_ref::<Self>() {
                return Some(own.clone());
            }
            if let Some(StreamableHttpError::Client(own)) = current.downcast_ref::<StreamableHttpError<Self>>() {
                return Some(own.clone());
            }
            if let Some(DynamicTransportError { error, .. }) = current.downcast_ref::<DynamicTransportError>() {
                return Self::of(error.as_ref());
            }
            source = match current.downcast_ref::<ServiceError>() {
                Some(ServiceError::TransportSend(error)) => Some(error),
                _ => match current.downcast_ref::<ClientInitializeError>() {
                    Some(ClientInitializeError::TransportError { error, .. }) => Some(error),
                    Some(ClientInitializeError::LegacyFallbackFailed { fallback, .. }) => Some(fallback.as_ref()),
                    _ => current.source(),
                },
            };
        }
        None
    }

    /// Whether the keys are the trouble: missing, expired, or refused.
    pub fn is_credentials(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Account(_) => true,
            Self::Status { status, .. } => matches!(status, 401 | 403),
            _ => false,
        }
    }

    /// What kind of error it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::Account(_) => "credentials",
            Self::Request(_) => "request",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::TimedOut { .. } => "timeout",
            error if error.is_throttled() => "throttled",
            Self::Status { .. } | Self::Busy(_) => "status",
            Self::Refused { .. } => "refused",
            Self::Lost { .. } | Self::Forgotten { .. } => "lost",
            Self::Redirect { .. } => "redirect",
            Self::TooLarge { .. } => "too_large",
            Self::BrokeOff { .. } => "broke_off",
        }
    }

    /// Whether the endpoint asks for patience.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Status { status: 429 | 503, .. })
    }

    /// Whether the same request may do better a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Connect { .. } | Self::BrokeOff { .. } | Self::Lost { .. } | Self::Forgotten { .. } => true,
            _ => false,
        }
    }

    /// Whether it is certain that the server did nothing.
    pub fn did_nothing(&self) -> bool {
        match self {
            Self::Status { status, .. } => (400..500).contains(status),
            Self::BrokeOff { .. } | Self::Lost { .. } | Self::TimedOut { .. } | Self::TooLarge { .. } => false,
            _ => true,
        }
    }

    /// How long it asks to be left alone, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Status { retry_after, .. } => retry_after.as_deref()?.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether AWS says that the keys have ended, so that new ones may help. Source: contracts of InvokeAgentRuntime.
    pub fn keys_expired(&self) -> bool {
        const CODES: [&str; 5] = [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "RequestExpired",
            "UnrecognizedClientException",
        ];
        let Self::Status { code, message, .. } = self else {
            return false;
        };
        let named = code.as_deref().is_some_and(|c| CODES.contains(&c));
        named || message.contains("security token included in the request is expired")
    }
}
