//! Clients of the sandbox, for its own tests.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::{SdkConfig, region::Region};

use super::Sandbox;

pub(super) const PRODUCTION: &str = "222222222222";
pub(super) const STAGING: &str = "333333333333";
pub(super) const DEVELOPMENT: &str = "444444444444";

/// One account's clients.
pub(super) struct Clients {
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) route53: aws_sdk_route53::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) iam: aws_sdk_iam::Client,
    #[cfg(feature = "ec2")]
    pub(super) ec2: aws_sdk_ec2::Client,
}

pub(super) fn clients(http: SharedHttpClient, endpoint: &str, credentials: Credentials, region: &str) -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            credentials,
        ))
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
        .build();
    Clients {
        sts: aws_sdk_sts::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        route53: aws_sdk_route53::Client::new(&config),
        s3: aws_sdk_s3::Client::new(&config),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        #[cfg(feature = "ec2")]
        ec2: aws_sdk_ec2::Client::new(&config),
    }
}

impl Sandbox {
    pub(super) fn clients(&self, credentials: Credentials) -> Clients {
        self.clients_in(credentials, "us-east-1")
    }

    pub(super) fn clients_in(&self, credentials: Credentials, region: &str) -> Clients {
        clients(self.http_client(), "http://127.0.0.1:1", credentials, region)
    }

    pub(super) fn base(&self) -> Clients {
        self.clients(self.base_credentials())
    }

    pub(super) fn admin(&self, account: &str) -> Clients {
        self.clients(self.admin_credentials(account))
    }

    /// The target role's clients in an account.
    pub(super) async fn target(&self, account: &str) -> Clients {
        self.clients(self.assume(account, None).await)
    }

    /// The target role's credentials, narrowed by a session policy.
    pub(super) async fn assume(&self, account: &str, policy: Option<serde_json::Value>) -> Credentials {
        let assumed = self
            .base()
            .sts
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/aws-ops-target"))
            .role_session_name("alice")
            .set_policy(policy.map(|p| p.to_string()))
            .send()
            .await
            .unwrap();
        credentials(&assumed)
    }
}

pub(super) fn credentials(assumed: &aws_sdk_sts::operation::assume_role::AssumeRoleOutput) -> Credentials {
    let c = assumed.credentials().unwrap();
    Credentials::new(
        c.access_key_id(),
        c.secret_access_key(),
        Some(c.session_token().to_owned()),
        None,
        "test",
    )
}

/// The code, the message and whether there is a request id, of whatever an SDK call failed with.
pub(super) fn failure<E, R>(error: &aws_smithy_runtime_api::client::result::SdkError<E, R>) -> (String, String)
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata
        + aws_types::request_id::RequestId
        + std::error::Error
        + 'static,
    R: std::fmt::Debug,
{
    let service = error
        .as_service_error()
        .unwrap_or_else(|| panic!("not an answer: {error:?}"));
    assert!(
        service.request_id().is_some_and(|id| id.len() >= 16),
        "no request id: {service:?}"
    );
    (
        service.code().unwrap_or_default().to_owned(),
        service.message().unwrap_or_default().to_owned(),
    )
}
