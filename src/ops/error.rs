//! Why a tool did not succeed. Tools just use `?`: one conversion classifies every SDK error.

use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    aws::{
        AccountError,
        error::{causes, inside},
        fault::Fault,
    },
    upstream::UpstreamError,
};

/// AWS's words where one service was denied what another asked of it in the caller's name, whatever code the first one gives that.
const NOT_AUTHORIZED: &str = " is not authorized to perform: ";

/// The kinds of failure, as `error.code` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The arguments are wrong.
    InvalidInput,
    /// No such account.
    UnknownAccount,
    /// This server does not let this caller do that.
    Forbidden,
    /// The identity could not be signed in.
    Credentials,
    /// AWS says the identity may not.
    AccessDenied,
    /// AWS says there is no such thing.
    NotFound,
    /// AWS says that it does not fit the state the thing is in.
    Conflict,
    /// AWS answered with another error.
    Aws,
    /// AWS asks for patience.
    Throttled,
    /// AWS did not answer.
    Unreachable,
    /// The deadline passed.
    Timeout,
    /// A bug here. The message holds an id to find in the log.
    Internal,
}

/// Why a tool did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// The arguments are wrong: what was, and what would be right.
    #[error("{0}")]
    InvalidInput(String),
    /// There is no such thing, and not AWS said so but we found none.
    #[error("{0}")]
    NotFound(String),
    /// This server does not do that here.
    #[error("{0}")]
    Forbidden(String),
    /// The transport's limits did not count it as what it is.
    #[error("this server's limits did not let the call through: they had not counted it as a change")]
    NotAdmitted,
    /// A tool that is switched off here, and by which setting.
    #[error("the tool `{0}` is switched off on this server")]
    Hidden(String, String),
    /// The target could not be resolved or signed in.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// AWS answered with an error.
    #[error("AWS answered {aws_code}: {message}")]
    Aws {
        /// AWS's error code, such as `ResourceNotFoundException`.
        aws_code: String,
        /// AWS's message.
        message: String,
        /// AWS's request id, for a support case.
        request_id: Option<String>,
        /// The HTTP status, where it says more than the code: S3's HEAD has no body.
        status: u16,
    },
    /// AWS did not answer.
    #[error("AWS did not answer: {0}")]
    Unreachable(String),
    /// Not tried, since the target's last calls failed.
    #[error("not tried: the last {in_a_row} calls there got no answer or no sign-in")]
    Paused {
        /// Until somebody may try; zero where somebody does just now.
        left: Duration,
        /// How many failed in a row.
        in_a_row: usize,
        /// What the last of them said.
        last: String,
    },
    /// The AWS MCP Server did not do what it was asked.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// A forwarded tool ran and failed, in its own words.
    #[error("the tool failed: {0}")]
    ToolFailed(String),
    /// The deadline passed.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// A bug here. The detail is in the log under this id.
    #[error("internal error; the server's log has the detail under {0}")]
    Internal(String),
}

impl OpError {
    /// Logs the detail, and keeps only an id to find it by.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        tracing::error!(error_id = %id, detail = %detail, "internal error");
        Self::Internal(id)
    }

    /// Its kind. AWS throttles and denies with varying statuses, so the code decides.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput(_) | Self::Account(AccountError::Selector(_)) => ErrorCode::InvalidInput,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Account(AccountError::Unknown { .. }) => ErrorCode::UnknownAccount,
            Self::Forbidden(_)
            | Self::Hidden(..)
            | Self::Account(
                AccountError::RoleNotAllowed { .. }
                | AccountError::ProfilesOff
                | AccountError::ProfileNotAllowed { .. }
                | AccountError::BaseCredentialsOff
                | AccountError::WrongAccount { .. },
            ) => ErrorCode::Forbidden,
            Self::Account(AccountError::Throttled { .. }) | Self::NotAdmitted => ErrorCode::Throttled,
            Self::Account(AccountError::Unreachable { .. }) | Self::Unreachable(_) | Self::Paused { .. } => {
                ErrorCode::Unreachable
            }
            Self::Account(_) => ErrorCode::Credentials,
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::Internal(_) => ErrorCode::Internal,
            Self::ToolFailed(_) => ErrorCode::Aws,
            Self::Upstream(error) => upstream_kind(error),
            Self::Aws { message, .. } if message.contains(NOT_AUTHORIZED) => ErrorCode::AccessDenied,
            Self::Aws { aws_code, status, .. } => aws_kind(aws_code, *status),
        }
    }

    /// The same error, saying also what is so all the same: of several steps, those before it were done.
    #[must_use]
    pub fn although(mut self, so: &str) -> Self {
        if let Self::Aws { message, .. } | Self::Unreachable(message) = &mut self {
            *message = format!("{}. {so}", message.trim_end_matches('.'));
        }
        self
    }

    /// Whether AWS no longer took the keys, although they had not ended.
    pub fn keys_expired(&self) -> bool {
        const CODES: [&str; 5] = [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "RequestExpired",
        ];
        matches!(self, Self::Aws { aws_code, .. } if CODES.contains(&aws_code.as_str()))
    }

    /// Whether AWS failed, or nobody heard its answer, so that a change may have been made all the same.
    pub fn leaves_unknown(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Aws { status: 500.., .. })
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Account(error) => error.retryable(),
            _ => matches!(
                self.code(),
                ErrorCode::Throttled | ErrorCode::Unreachable | ErrorCode::Timeout
            ),
        }
    }
}

/// A failure of the AWS MCP Server as a failure of AWS.
fn upstream_kind(error: &UpstreamError) -> ErrorCode {
    match error {
        error if error.is_throttled() => ErrorCode::Throttled,
        error if error.keys_expired() => ErrorCode::Credentials,
        UpstreamError::Credentials(_) | UpstreamError::Account(_) => ErrorCode::Credentials,
        UpstreamError::Status { status: 401 | 403, .. } => ErrorCode::AccessDenied,
        UpstreamError::Status { status, .. } if *status < 500 => ErrorCode::Aws,
        UpstreamError::Refused { .. } => ErrorCode::Aws,
        UpstreamError::TimedOut { .. } => ErrorCode::Timeout,
        _ => ErrorCode::Unreachable,
    }
}

impl From<UpstreamError> for OpError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Account(error) => Self::Account(error),
            other => Self::Upstream(other),
        }
    }
}

fn aws_kind(code: &str, status: u16) -> ErrorCode {
    match Fault::of(code, status) {
        Fault::Throttled => ErrorCode::Throttled,
        Fault::AccessDenied => ErrorCode::AccessDenied,
        Fault::NotFound => ErrorCode::NotFound,
        Fault::Conflict => ErrorCode::Conflict,
        Fault::Invalid => ErrorCode::InvalidInput,
        Fault::Other => ErrorCode::Aws,
    }
}

impl<E, R> From<SdkError<E, R>> for OpError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + RawResponse + 'static,
    SdkError<E, R>: RequestId,
{
    fn from(error: SdkError<E, R>) -> Self {
        let request_id = error.request_id().map(str::to_owned);
        if let SdkError::ServiceError(context) = &error {
            let status = context.raw().status_code();
            let service = context.err();
            let code = service.code().map(str::to_owned);
            let (bare_code, bare_message) = bare(status);
            let mut message = service.message().unwrap_or(bare_message).to_owned();
            if let Some(region) = context
                .raw()
                .bucket_region()
                .filter(|_| matches!(status, 301 | 307 | 400))
            {
                message = format!("{message} (the bucket is in {region}: call again with region \"{region}\")");
            }
            return Self::Aws {
                aws_code: code.unwrap_or_else(|| bare_code.to_owned()),
                message,
                request_id,
                status,
            };
        }
        if let Some(account) = inside(&error) {
            return Self::Account(account.clone());
        }
        match &error {
            SdkError::ConstructionFailure(_) => Self::InvalidInput(causes(&error)),
            _ => Self::Unreachable(causes(&error)),
        }
    }
}

/// Code and message of an answer that has none. S3's HEAD has a bare status, and so has what something on the way to AWS says: of a
/// change nobody knows then whether it was made.
fn bare(status: u16) -> (&'static str, &'static str) {
    match status {
        403 => ("AccessDenied", "access denied (S3 gives no reason to a HEAD request)"),
        404 => ("NotFound", "no such bucket, key or version"),
        500.. => ("InternalFailure", "AWS, or a proxy before it, gave no reason"),
        _ => ("Unknown", "AWS gave no reason"),
    }
}

/// What the SDK's raw response tells beyond the parsed error.
pub trait RawResponse {
    /// The HTTP status.
    fn status_code(&self) -> u16;
    /// Where S3 says the bucket is, when it was asked for in another region.
    fn bucket_region(&self) -> Option<&str>;
}

impl RawResponse for aws_smithy_runtime_api::client::orchestrator::HttpResponse {
    fn status_code(&self) -> u16 {
        self.status().as_u16()
    }

    fn bucket_region(&self) -> Option<&str> {
        self.headers().get("x-amz-bucket-region")
    }
}

impl IntoCallToolResult for OpError {
    /// The body without receipt and hint, which the server adds.
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let mut body = json!({ "code": self.code(), "message": self.to_string(), "retryable": self.retryable() });
        if let (
            Self::Aws {
                aws_code, request_id, ..
            },
            Some(body),
        ) = (&self, body.as_object_mut())
        {
            body.insert("aws_code".to_owned(), json!(aws_code));
            if let Some(id) = request_id {
                body.insert("request_id".to_owned(), json!(id));
            }
        }
        let hint = match &self {
            Self::Account(error) => error.hint(),
            Self::Paused { left, last, .. } => Some(format!(
                "Nothing was sent to AWS. The next try is due in {} s. The last call failed so: {last}",
                left.as_millis().div_ceil(1000).max(1)
            )),
            Self::NotAdmitted => Some("Nothing was sent to AWS: call again.".to_owned()),
            Self::Hidden(_, by) => Some(format!("{by} Who runs this server decides whether that should change.")),
            _ => None,
        };
        if let (Some(hint), Some(body)) = (hint, body.as_object_mut()) {
            body.insert("hint".to_owned(), json!(hint));
        }
        let mut result = CallToolResult::default();
        result.structured_content = Some(json!({ "success": false, "error": body }));
        result.is_error = Some(true);
        Ok(result.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(code: &str, status: u16) -> OpError {
        OpError::Aws {
            aws_code: code.to_owned(),
            message: String::new(),
            request_id: None,
            status,
        }
    }

    #[test]
    fn an_error_says_what_was_done_before_it() {
        let error = aws("AccessDenied", 403).although("The bucket exists.");
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (
                ErrorCode::AccessDenied,
                "AWS answered AccessDenied: . The bucket exists."
            )
        );
    }

    #[test]
    fn an_answer_without_a_code_is_judged_by_its_status() {
        assert_eq!(
            [bare(403).0, bare(404).0, bare(405).0, bare(502).0],
            ["AccessDenied", "NotFound", "Unknown", "InternalFailure"]
        );
        assert!(aws("InternalFailure", 502).leaves_unknown() && !aws("NotFound", 404).leaves_unknown());
    }

    #[test]
    fn the_code_decides_and_not_the_status() {
        assert_eq!(aws("Throttling", 400).code(), ErrorCode::Throttled);
        assert_eq!(aws("SlowDown", 503).code(), ErrorCode::Throttled);
        assert_eq!(aws("AccessDeniedException", 400).code(), ErrorCode::AccessDenied);
        assert_eq!(aws("NoSuchHostedZone", 404).code(), ErrorCode::NotFound);
        assert_eq!(aws("ResourceNotFoundException", 400).code(), ErrorCode::NotFound);
        assert_eq!(aws("InvalidChangeBatch", 400).code(), ErrorCode::Aws);
        assert!(aws("Throttling", 400).retryable() && !aws("AccessDenied", 403).retryable());
        assert!(aws("ExpiredToken", 400).keys_expired());
    }
}
