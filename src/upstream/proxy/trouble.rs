//! Why a relayed request has no result, and whether it may be sent again.

use std::time::Duration;

use rmcp::{
    ServiceError,
    model::{ErrorCode, ErrorData},
    service::ClientInitializeError,
};

use crate::upstream::UpstreamError;

/// How the AWS MCP Server says that it lost the session. Source: its contract, error -30001.
const SESSION_LOST: i32 = -30001;

/// Why a relayed request has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// The upstream answered with a JSON-RPC error.
    #[error("{}", .0.message)]
    Answered(ErrorData),
    /// No answer came, or none of MCP.
    #[error("{}", described(.0))]
    Upstream(UpstreamError),
    /// The connection or its session ended while the request was under way.
    #[error("the connection to the endpoint broke off: {0}")]
    Lost(String),
    /// The profile, its region or its credentials are not there.
    #[error("{0}")]
    Setting(String),
    /// The client no longer wants the answer.
    #[error("the request was cancelled")]
    Cancelled,
    /// It took too long.
    #[error("no answer within {} s (--tool-timeout)", .0.as_secs_f64())]
    TimedOut(Duration),
}

/// An error's text, with what to do about it where its own text does not say.
fn described(error: &UpstreamError) -> String {
    let hint = match error {
        UpstreamError::Account(account) => account.hint(),
        UpstreamError::Status {
            status: 403, message, ..
        } if message.contains("scoped to") => Some(
            "The signature names another region or service than the endpoint's: set --region and --service".to_owned(),
        ),
        UpstreamError::Status {
            status: 403, message, ..
        } if message.contains("signature we calculated") => {
            Some("Check the secret key, the clock, and that no proxy changes the request".to_owned())
        }
        UpstreamError::Status { status: 404, .. } => Some("Check the endpoint's path".to_owned()),
        UpstreamError::Status { status: 429, .. } => {
            Some("The endpoint throttles: call less often, or set --retries".to_owned())
        }
        UpstreamError::TimedOut { .. } => Some("--read-timeout says how long is waited".to_owned()),
        _ => None,
    };
    match hint {
        Some(hint) => format!(
            "{}. {}",
            error.to_string().trim_end_matches('.'),
            hint.trim_end_matches('.')
        ),
        None => error.to_string(),
    }
}

impl Trouble {
    /// What rmcp says of a request.
    pub fn of_request(error: &ServiceError) -> Self {
        if let Some(own) = UpstreamError::of(error) {
            return Self::Upstream(own);
        }
        match error {
            ServiceError::McpError(error) => Self::Answered(error.clone()),
            ServiceError::Cancelled { .. } => Self::Cancelled,
            other => Self::Lost(crate::aws::error::causes(other)),
        }
    }

    /// What rmcp says of a connection's beginning.
    pub fn of_start(error: &ClientInitializeError) -> Self {
        if let Some(own) = UpstreamError::of(error) {
            return Self::Upstream(own);
        }
        match error {
            ClientInitializeError::JsonRpcError(error) => Self::Answered(error.clone()),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => Self::of_start(fallback),
            other => Self::Lost(crate::aws::error::causes(other)),
        }
    }

    /// What the endpoint is told where the client gave no answer to its request.
    pub fn of_server(error: &ServiceError) -> ErrorData {
        match error {
            ServiceError::McpError(error) => error.clone(),
            other => ErrorData::internal_error(other.to_string(), None),
        }
    }

    /// Whether credentials are the trouble: missing, expired or refused.
    pub fn is_credentials(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_credentials(),
            _ => false,
        }
    }

    /// Whether the connection is of no more use.
    pub fn ends_connection(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Answered(error) => error.code.0 == SESSION_LOST,
            _ => false,
        }
    }

    /// Whether the endpoint is known not to have begun with the request, so that sending it again repeats nothing.
    pub fn was_not_begun(&self) -> bool {
        match self {
            Self::Answered(error) => error.code.0 == SESSION_LOST,
            Self::Upstream(UpstreamError::Connect { .. } | UpstreamError::Status { status: 429, .. }) => true,
            Self::Upstream(error) => error.keys_expired(),
            _ => false,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn passes(&self) -> bool {
        match self {
            Self::Upstream(error) => match error {
                UpstreamError::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
                UpstreamError::Connect { .. } | UpstreamError::TimedOut { .. } | UpstreamError::BrokeOff { .. } => true,
                _ => false,
            },
            Self::Lost(_) => true,
            _ => false,
        }
    }

    /// How long the endpoint asks to wait, if it does.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Upstream(UpstreamError::Status {
                retry_after: Some(after),
                ..
            }) => after.trim().parse().ok().map(Duration::from_secs),
            _ => None,
        }
    }

    /// The JSON-RPC error that the client is told.
    pub fn into_error(self) -> ErrorData {
        match self {
            Self::Answered(error) => error,
            other => ErrorData::internal_error(other.to_string(), None),
        }
    }

    /// Whether the error is for the client's protocol layer, not for the model: what a tool call needs of the client.
    pub fn is_for_the_protocol(&self) -> bool {
        let Self::Answered(error) = self else {
            return false;
        };
        [
            ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY,
            ErrorCode::HEADER_MISMATCH,
            ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
        ]
        .contains(&error.code)
    }
}
