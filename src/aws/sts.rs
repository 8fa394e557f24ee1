//! AssumeRole and GetCallerIdentity, with their refusals told apart.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sdk_sts::{
    Client,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::RequestId,
    types::{PolicyDescriptorType, Tag},
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
    let managed = session.policy.managed().map(|name| {
        let arn = format!("arn:{}:iam::aws:policy/{name}", session.role.partition());
        vec![PolicyDescriptorType::builder().arn(arn).build()]
    });
    let answer = sts
        .assume_role()
        .role_arn(session.role.as_str())
        .role_session_name(&session.session_name)
        .duration_seconds(session.seconds.clamp(RoleSession::ONCE, RoleSession::LONGEST))
        .set_external_id(session.external_id.as_ref().map(|e| e.expose().to_owned()))
        .policy(session.policy.as_str())
        .set_policy_arns(managed)
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

/// Who somebody is, as STS says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: AccountId,
    /// The unique id of the user, or of the role and its session.
    pub user_id: String,
    /// The ARN.
    pub arn: String,
}

/// The account that the client's credentials are in, and the identity's ARN.
///
/// # Errors
/// As [`whoami`].
pub async fn caller_identity(sts: &Client) -> Result<(AccountId, String), AccountError> {
    whoami(sts).await.map(|who| (who.account, who.arn))
}

/// Who the client's credentials are.
///
/// # Errors
/// Credentials that AWS does not take, or no way to AWS.
pub async fn whoami(sts: &Client) -> Result<CallerIdentity, AccountError> {
    let answer = sts.get_caller_identity().send().await.map_err(|e| classify(&e, None))?;
    let account = answer.account().unwrap_or_default().parse();
    let account = account.map_err(|e| AccountError::Rejected {
        message: format!("GetCallerIdentity: {e}"),
    })?;
    Ok(CallerIdentity {
        account,
        user_id: answer.user_id().unwrap_or_default().to_owned(),
        arn: answer.arn().unwrap_or_default().to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_smithy_runtime_api::client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    };

    use crate::{
        auth::Caller,
        aws::{AccountError, Aws, Base, Policy, Resolver, Selector, Target, cache::SystemClock, registry},
        config::AwsConfig,
    };

    /// Notes where requests go and what they say, and lets none through.
    #[derive(Clone, Debug, Default)]
    struct Nowhere(Arc<Mutex<Vec<(String, String)>>>);

    impl HttpClient for Nowhere {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Nowhere {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
            self.0.lock().unwrap().push((request.uri().to_owned(), body));
            HttpConnectorFuture::ready(Err(ConnectorError::io("nowhere".into())))
        }
    }

    async fn asked(flags: &[&str]) -> Vec<String> {
        let asked = sent(flags, |target| target).await;
        asked.into_iter().map(|(uri, _)| uri).collect()
    }

    async fn sent(flags: &[&str], scope: impl FnOnce(Target) -> Target) -> Vec<(String, String)> {
        let nowhere = Nowhere::default();
        let config = AwsConfig::for_tests(&[&["--max-attempts", "1"], flags].concat());
        let keys = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let client = SharedHttpClient::new(nowhere.clone());
        let aws = Aws::with_http_client(&config, Base::Fixed(keys), client, Arc::new(SystemClock));
        let accounts = registry::parse(r#"[{"name": "production", "id": "222222222222"}]"#).unwrap();
        // The call's own region is another: that is no reason to ask another STS.
        let selector = Selector {
            account: Some("production".to_owned()),
            region: Some("ap-south-1".to_owned()),
            ..Selector::default()
        };
        let target = Resolver::new(Arc::new(accounts), config.region, false).resolve(&selector, &Caller::local());
        let error = aws.session(&scope(target.unwrap())).await.err().unwrap();
        assert!(matches!(error, AccountError::Unreachable { .. }), "{error:?}");
        drop(aws);
        Arc::into_inner(nowhere.0).map_or_else(Vec::new, |asked| asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn sts_is_the_one_of_the_servers_region_unless_an_endpoint_is_set() {
        assert_eq!(
            asked(&["--region", "eu-west-1"]).await,
            ["https://sts.eu-west-1.amazonaws.com/"]
        );
        assert_eq!(
            asked(&["--region", "cn-north-1"]).await,
            ["https://sts.cn-north-1.amazonaws.com.cn/"]
        );
        let other = ["--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:4566"];
        assert_eq!(asked(&other).await, ["http://127.0.0.1:4566/"]);
    }

    #[tokio::test]
    async fn a_session_through_the_aws_mcp_server_is_good_for_nothing_else() {
        let forwarding = async |reading: bool| {
            let scope = move |target: Target| target.for_forwarding(&Policy::through_aws_mcp(reading), !reading);
            let asked = sent(&["--region", "us-gov-west-1"], scope).await;
            let [(_, body)] = asked.as_slice() else {
                panic!("{asked:?}")
            };
            body.clone()
        };
        let elsewhere = "%22Condition%22%3A%7B%22BoolIfExists%22%3A%7B%22aws%3AViaAWSMCPService%22%3A%22false%22%7D%7D";
        let managed = "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess";
        let allow = "%22Effect%22%3A%22Allow%22";
        let reading = forwarding(true).await;
        assert!(
            reading.contains(elsewhere) && reading.contains(managed) && !reading.contains(allow),
            "{reading}"
        );
        let writing = forwarding(false).await;
        assert!(
            writing.contains(elsewhere) && !writing.contains("PolicyArns") && writing.contains(allow),
            "{writing}"
        );
    }
}
