//! The one HTTPS client under every AWS client: certificates, proxies, and the request id of the last answer.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Limited};

use crate::{config::ConfigError, metrics, trace};

use super::{fault, operation};

/// The largest error that is read to see which it is; a larger one is none of AWS's.
const LARGEST_ERROR: usize = 1 << 20;

tokio::task_local! {
    /// AWS's request id of the last answer that the current call got.
    static LAST_REQUEST_ID: RefCell<Option<String>>;
}

/// Runs `call`, and tells the request id of its last AWS answer beside its result.
pub async fn with_request_id<F: Future>(call: F) -> (F::Output, Option<String>) {
    LAST_REQUEST_ID
        .scope(RefCell::new(None), async {
            let output = call.await;
            (output, LAST_REQUEST_ID.with(|id| id.borrow_mut().take()))
        })
        .await
}

/// The client. `ca_bundle` is trusted beside the system's authorities; proxies are the environment's, but none on loopback.
///
/// # Errors
/// An unreadable bundle, or one without a certificate: ignoring it would fail later, and less clearly.
pub fn https(ca_bundle: Option<&Path>, proxies: bool) -> Result<SharedHttpClient, ConfigError> {
    let context = tls_context(ca_bundle)?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let sleep = components.and_then(RuntimeComponents::sleep_impl);
        connect(&context, proxies, settings.cloned(), sleep)
    });
    Ok(recording(client))
}

/// The same for requests that no SDK client makes. `connect_timeout` is the time to connect; `None` sets no limit. Redirects are
/// never followed.
///
/// # Errors
/// As [`https`].
pub fn connector(
    ca_bundle: Option<&Path>,
    proxies: bool,
    connect_timeout: Option<Duration>,
) -> Result<SharedHttpConnector, ConfigError> {
    Ok(SharedHttpConnector::new(RecordingConnector {
        connector: unrecorded(ca_bundle, proxies, connect_timeout)?,
    }))
}

/// The same for requests that do not go to AWS, and so are neither counted nor traced.
///
/// # Errors
/// As [`https`].
pub fn unrecorded(
    ca_bundle: Option<&Path>,
    proxies: bool,
    connect_timeout: Option<Duration>,
) -> Result<SharedHttpConnector, ConfigError> {
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(connect_timeout);
    let sleep = SharedAsyncSleep::new(TokioSleep::new());
    let connector = connect(&tls_context(ca_bundle)?, proxies, Some(settings.build()), Some(sleep));
    Ok(SharedHttpConnector::new(connector))
}

fn connect(
    context: &TlsContext,
    proxies: bool,
    settings: Option<HttpConnectorSettings>,
    sleep: Option<SharedAsyncSleep>,
) -> Connector {
    let proxies = if proxies {
        ProxyConfig::from_env()
    } else {
        ProxyConfig::disabled()
    };
    let mut connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context.clone())
        .proxy_config(proxies);
    connector.set_connector_settings(settings);
    connector.set_sleep_impl(sleep);
    connector.build()
}

fn tls_context(ca_bundle: Option<&Path>) -> Result<TlsContext, ConfigError> {
    let mut trust = TrustStore::default();
    if let Some(path) = ca_bundle {
        let wrong = |right: String| ConfigError::wrong("AWS_CA_BUNDLE", path.display().to_string(), right);
        let pem = std::fs::read(path).map_err(|e| wrong(format!("can't read the file: {e}")))?;
        if !pem.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") {
            return Err(wrong("expected a PEM file with at least one certificate".to_owned()));
        }
        trust = trust.with_pem_certificate(pem);
    }
    let context = TlsContext::builder().with_trust_store(trust).build();
    context.map_err(|e| {
        ConfigError::wrong(
            "AWS_CA_BUNDLE",
            ca_bundle.map(PathBuf::from).unwrap_or_default().display().to_string(),
            e.to_string(),
        )
    })
}

/// `client`, with the request ids of its answers kept for [`with_request_id`], and its requests counted.
pub fn recording(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Recording { client })
}

#[derive(Debug)]
struct Recording {
    client: SharedHttpClient,
}

impl HttpClient for Recording {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(RecordingConnector {
            connector: self.client.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct RecordingConnector {
    connector: SharedHttpConnector,
}

/// A request under way. One that is dropped before its answer was given up, mostly by a timeout.
struct Attempt {
    service: &'static str,
    outcome: &'static str,
    span: trace::Span,
}

impl Attempt {
    fn ended(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.outcome != "ok" {
            self.span.fail(self.outcome);
        }
        self.span.end();
        metrics::record(|m| m.aws_call(self.service, self.outcome));
    }
}

impl HttpConnector for RecordingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = metrics::service(request.headers().get("authorization"));
        let mut attempt = Attempt {
            service,
            outcome: "timeout",
            span: operation::span(service, &request),
        };
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let answer = match answer.await {
                Ok(answer) => answer,
                Err(error) => {
                    attempt.ended("unreachable");
                    return Err(error);
                }
            };
            let id = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
                .iter()
                .find_map(|n| answer.headers().get(*n));
            attempt
                .span
                .set("http.response.status_code", i64::from(answer.status().as_u16()));
            if let Some(id) = id {
                attempt.span.set("aws.request_id", id.to_owned());
                // Outside a tool call (sign-in, `check`) nobody asks for it.
                let _ = LAST_REQUEST_ID.try_with(|last| last.borrow_mut().replace(id.to_owned()));
            }
            let told = told(answer).await;
            attempt.ended(told.as_ref().map_or("unreachable", |(_, outcome)| outcome));
            Ok(told?.0)
        })
    }
}

/// An answer, and how it counts. The body of an error is read, because AWS throttles with 400 and a code in it; each attempt is seen
/// here alone, since the SDK repeats a throttled one by itself.
async fn told(mut answer: HttpResponse) -> Result<(HttpResponse, &'static str), ConnectorError> {
    let status = answer.status().as_u16();
    if status < 400 {
        let outcome = fault::outcome(status, String::new);
        return Ok((answer, outcome));
    }
    let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
    let body = Limited::new(body, LARGEST_ERROR).collect().await;
    let body = body.map_err(ConnectorError::io)?.to_bytes();
    let outcome = fault::outcome(status, || {
        // CloudWatch says in CBOR what went wrong, and in a header.
        let header = ["x-amzn-errortype", "x-amzn-query-error"]
            .iter()
            .find_map(|name| answer.headers().get(*name));
        fault::code_of(header, &body)
    });
    *answer.body_mut() = SdkBody::from(body);
    Ok((answer, outcome))
}
