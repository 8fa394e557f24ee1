//! The way to the OpenTelemetry collector: our own HTTPS client, with its certificates and proxies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::{
    aws::{error::causes, http_client},
    config::{AwsConfig, TracesConfig},
    trace::{self, Exporting},
    upstream::Endpoint,
};

/// How long one export may take.
const EXPORT: Duration = Duration::from_secs(10);
/// The most that is read of a collector's answer, which is a few bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// Begins to export spans, if the settings name an endpoint.
///
/// # Errors
/// A wrong setting, in one line.
pub(super) fn start(config: &TracesConfig, aws: &AwsConfig) -> Result<Option<Exporting>> {
    let Some(endpoint) = config.endpoint()? else {
        return Ok(None);
    };
    let url: http::Uri = endpoint.parse()?;
    // Proxies are for what is elsewhere.
    let here = url.host().is_some_and(Endpoint::names_this_machine);
    let host = url.host().unwrap_or_default().to_owned();
    let collector = Collector {
        http: http_client::unrecorded(aws.ca_bundle.as_deref(), !here, Some(EXPORT))?,
        headers: config.headers()?,
        runtime: Handle::current(),
        host: host.clone(),
        failing: AtomicBool::new(false),
    };
    let provider = trace::export::provider(config, &endpoint, Arc::new(collector))?;
    tracing::info!(?host, "exporting traces");
    Ok(Some(trace::start(provider)))
}

struct Collector {
    http: SharedHttpConnector,
    headers: HeaderMap,
    runtime: Handle,
    host: String,
    failing: AtomicBool,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Collector {
    /// The exporter calls it on a thread of its own, where no runtime is: the work goes to ours.
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let http = self.http.clone();
        let sent = self
            .runtime
            .spawn(async move { tokio::time::timeout(EXPORT, send(http, request)).await });
        let answer = match sent.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(format!("no answer within {} s", EXPORT.as_secs()).into()),
            Err(_) => Err("the process is ending".into()),
        };
        self.tell(&answer);
        answer
    }
}

impl Collector {
    /// Once when it begins to fail and once when it no longer does: a collector that is down all night is one line.
    fn tell(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let problem = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("HTTP {}", answer.status().as_u16())),
            Err(error) => Some(causes(&**error)),
        };
        match problem {
            Some(problem) if !self.failing.swap(true, Relaxed) => tracing::warn!(
                host = ?self.host,
                ?problem,
                "traces can't be exported and are dropped: check OTEL_EXPORTER_OTLP_ENDPOINT and the collector behind it"
            ),
            None if self.failing.swap(false, Relaxed) => tracing::info!(host = ?self.host, "traces are exported again"),
            _ => {}
        }
    }
}

async fn send(http: SharedHttpConnector, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = HttpRequest::try_from(request.map(SdkBody::from))?;
    let answer = http.call(request).await?.try_into_http1x()?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
