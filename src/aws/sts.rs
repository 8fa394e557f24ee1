//! AssumeRole and GetCallerIdentity, with their refusals told apart.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sdk_sts::{
    Client,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::RequestId,
    types::Tag,
};

use super::{
    error::{AccountError, causes, inside},
    ids::AccountId,
    resolve::RoleSession,
};

/// Asks STS for the session.
///
/// # Errors
/// A refusal ([`AccountError::AssumeDenied`]), a policy that STS does not take, or base credentials that AWS does not take.
pub async fn assume_role(sts: &Client, session: &RoleSession) -> Result<Keys, AccountError> {
    let tag = |(key, value): &(&str, String)| Tag::builder().key(*key).value(value).build();
    let tags = session.tags.iter().map(tag).collect::<Result<Vec<_>, BuildError>>();
    let tags = tags.map_err(|e| AccountError::Policy {
        role: session.role.clone(),
        message: e.to_string(),
    })?;
    let answer = sts
        .assume_role()
        .role_arn(session.role.as_str())
        .role_session_name(&session.session_name)
        .duration_seconds(session.seconds.clamp(RoleSession::ONCE, RoleSession::LONGEST))
        .set_external_id(session.external_id.as_ref().map(|e| e.expose().to_owned()))
        .policy(session.policy.as_str())
        .set_source_identity(session.source_identity.clone())
        .set_tags((!tags.is_empty()).then_some(tags))
        .send()
        .await
        .map_err(|e| classify(&e, Some(session)))?;
    let keys = answer.credentials.ok_or_else(|| AccountError::Rejected {
        message: "STS sent no credentials".to_owned(),
    })?;
    let expires = SystemTime::try_from(keys.expiration).ok();
    let mut made = Keys::builder()
        .access_key_id(keys.access_key_id)
        .secret_access_key(keys.secret_access_key)
        .session_token(keys.session_token)
        .account_id(session.role.account().as_str())
        .provider_name("aws-ops-mcp");
    made.set_expiry(expires);
    Ok(made.build())
}

/// The account that the client's credentials are in, and the identity's ARN.
///
/// # Errors
/// Credentials that AWS does not take, or no way to AWS.
pub async fn caller_identity(sts: &Client) -> Result<(AccountId, String), AccountError> {
    let answer = sts.get_caller_identity().send().await.map_err(|e| classify(&e, None))?;
    let account = answer.account().unwrap_or_default().parse();
    let account = account.map_err(|e| AccountError::Rejected {
        message: format!("GetCallerIdentity: {e}"),
    })?;
    Ok((account, answer.arn().unwrap_or_default().to_owned()))
}

fn classify<E, R>(error: &SdkError<E, R>, session: Option<&RoleSession>) -> AccountError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
    SdkError<E, R>: RequestId,
{
    let Some(service) = error.as_service_error() else {
        if let Some(inner) = inside(error) {
            return inner.clone();
        }
        return AccountError::Unreachable { message: causes(error) };
    };
    let message = service.message().unwrap_or("no message").to_owned();
    // STS throttles with HTTP 400 and a code, so the code decides, never the status.
    match (service.code().unwrap_or_default(), session) {
        ("Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException", _) => {
            AccountError::Throttled { message }
        }
        ("AccessDenied" | "AccessDeniedException", Some(session)) => AccountError::AssumeDenied {
            role: session.role.clone(),
            message,
            request_id: error.request_id().map(str::to_owned),
        },
        ("PackedPolicyTooLarge", Some(session)) => AccountError::PolicyTooLarge {
            role: session.role.clone(),
            message,
        },
        ("MalformedPolicyDocument" | "ValidationError", Some(session)) => AccountError::Policy {
            role: session.role.clone(),
            message,
        },
        (code, _) => AccountError::Rejected {
            message: format!("{code}: {message}"),
        },
    }
}
