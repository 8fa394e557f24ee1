//! What AWS's bad days cost: an STS that answers as each test wants, by a clock that stands still.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{DateTime, body::SdkBody, date_time::Format};

use super::{AccountError, Aws, Base, Resolver, Selector, Target, cache::Clock, registry, sts};
use crate::{auth::Caller, config::AwsConfig};

/// What STS does next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Answers,
    Fails(u16, &'static str),
    Silent,
}

/// STS. What is not said of it is [`Next::Answers`].
#[derive(Clone, Debug, Default)]
struct Sts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: Mutex<VecDeque<Next>>,
    always: Mutex<Option<Next>>,
    asked: AtomicU64,
    seconds: AtomicU64,
}

impl Clock for Sts {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 + self.0.seconds.load(SeqCst))
    }
}

impl HttpClient for Sts {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.asked.fetch_add(1, SeqCst);
        let always = *self.0.always.lock().unwrap();
        let next = always.or_else(|| self.0.next.lock().unwrap().pop_front());
        let (status, body) = match next.unwrap_or(Next::Answers) {
            Next::Silent => return HttpConnectorFuture::ready(Err(ConnectorError::io("no route".into()))),
            Next::Fails(status, code) => {
                let error = format!("<Error><Type>x</Type><Code>{code}</Code><Message>said so</Message></Error>");
                (status, format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
            Next::Answers => (200, self.answer(&request)),
        };
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

impl Sts {
    fn answer(&self, request: &HttpRequest) -> String {
        let form = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
        if form.contains("Action=GetCallerIdentity") {
            return "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/x</Arn>\
                    <UserId>x</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned();
        }
        assert!(form.contains("Action=AssumeRole&"), "{form}");
        let end = DateTime::from(self.now() + Duration::from_secs(3600));
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            self.asked(),
            end.fmt(Format::DateTime).unwrap()
        )
    }

    /// What it does the next times.
    fn next(&self, next: impl IntoIterator<Item = Next>) {
        self.0.next.lock().unwrap().extend(next);
    }

    /// What it does from now on.
    fn always(&self, next: Option<Next>) {
        *self.0.always.lock().unwrap() = next;
    }

    fn asked(&self) -> u64 {
        self.0.asked.load(SeqCst)
    }

    /// Sets the clock to so many seconds after its start.
    fn at(&self, seconds: u64) {
        self.0.seconds.store(seconds, SeqCst);
    }
}

fn aws(sts: &Sts, flags: &[&str]) -> (Aws, Target) {
    let config = AwsConfig::for_tests(&[&["--region", "us-east-1"], flags].concat());
    let keys = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
    let client = SharedHttpClient::new(sts.clone());
    let aws = Aws::with_http_client(&config, Base::Fixed(keys), client, Arc::new(sts.clone()));
    let accounts = registry::parse(r#"[{"name": "production", "id": "222222222222"}]"#).unwrap();
    let selector = Selector {
        account: Some("production".to_owned()),
        ..Selector::default()
    };
    let resolver = Resolver::new(Arc::new(accounts), config.region, false);
    let target = resolver.resolve(&selector, &Caller::local()).unwrap();
    (aws, target)
}

/// The id of the keys that the target is signed in with.
async fn key(aws: &Aws, target: &Target) -> Result<String, AccountError> {
    aws.session(target).await?;
    Ok(aws.keys(&target.identity).await?.access_key_id().to_owned())
}

#[tokio::test(start_paused = true)]
async fn two_failures_of_aws_are_outlived_and_a_third_is_told() {
    for failure in [
        Next::Fails(500, "InternalFailure"),
        Next::Fails(503, "ServiceUnavailable"),
        Next::Fails(400, "Throttling"),
        Next::Silent,
    ] {
        let sts = Sts::default();
        let (aws, target) = aws(&sts, &[]);
        let session = aws.session(&target).await.unwrap();
        let client = session.client(aws_sdk_sts::Client::new);
        let before = sts.asked();
        sts.next([failure; 2]);
        sts::caller_identity(&client).await.unwrap();
        assert_eq!(sts.asked() - before, 3, "{failure:?}");
        sts.always(Some(failure));
        assert!(sts::caller_identity(&client).await.is_err(), "{failure:?}");
        assert_eq!(sts.asked() - before, 6, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_sts_is_out_a_session_works_to_its_end_and_is_renewed_when_sts_is_back() {
    let sts = Sts::default();
    let (aws, target) = aws(&sts, &["--max-attempts", "1"]);
    let first = key(&aws, &target).await.unwrap();
    for outage in [
        Next::Silent,
        Next::Fails(500, "InternalFailure"),
        Next::Fails(400, "Throttling"),
    ] {
        sts.always(Some(outage));
        for seconds in [3299, 3301, 3599] {
            sts.at(seconds);
            assert_eq!(key(&aws, &target).await.unwrap(), first, "{outage:?} {seconds}");
        }
    }
    sts.always(Some(Next::Silent));
    sts.at(3600);
    let error = key(&aws, &target).await.unwrap_err();
    assert!(error.retryable() && error.to_string().contains("no route"), "{error}");
    sts.always(None);
    // What isn't a denial is forgotten in a second.
    sts.at(3602);
    assert_ne!(key(&aws, &target).await.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_asked_again_after_thirty_seconds() {
    let sts = Sts::default();
    let (aws, target) = aws(&sts, &[]);
    sts.always(Some(Next::Fails(403, "AccessDenied")));
    for seconds in [0, 1, 29] {
        sts.at(seconds);
        let error = key(&aws, &target).await.unwrap_err();
        assert!(matches!(error, AccountError::AssumeDenied { .. }), "{error}");
    }
    assert_eq!(sts.asked(), 1);
    sts.always(None);
    sts.at(30);
    assert!(key(&aws, &target).await.is_ok());
}
