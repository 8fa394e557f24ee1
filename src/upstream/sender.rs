//! One signed HTTP request: exactly the bytes that are signed are sent, to nobody but the endpoint, and the answer is bounded.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;

use crate::aws::{
    error::causes,
    limiter::{LONGEST_WAIT, Limiter},
};

use super::{Endpoint, Keys, UpstreamError};

/// The largest answer that is taken whole.
pub const LARGEST_ANSWER: usize = 16 << 20;
/// The most that is read of an error's body.
const LARGEST_ERROR: usize = 64 << 10;

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// For the answer to begin, and then for each further piece of it.
    pub read: Option<Duration>,
}

/// Sends signed requests to one endpoint.
#[derive(Clone)]
pub struct Sender {
    http: SharedHttpConnector,
    endpoint: Endpoint,
    service: String,
    region: String,
    keys: Keys,
    patience: Patience,
    pace: Option<Arc<Limiter>>,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: SdkBody,
    host: String,
    patience: Patience,
}

impl Sender {
    /// For an endpoint. The signature names `service` and `region`.
    pub fn new(
        http: SharedHttpConnector,
        endpoint: Endpoint,
        (service, region): (impl Into<String>, impl Into<String>),
        keys: Keys,
        patience: Patience,
    ) -> Self {
        Self {
            http,
            endpoint,
            service: service.into(),
            region: region.into(),
            keys,
            patience,
            pace: None,
        }
    }

    /// No more often than `pace` allows, which several senders may share.
    #[must_use]
    pub fn with_pace(self, pace: Arc<Limiter>) -> Self {
        Self {
            pace: Some(pace),
            ..self
        }
    }

    /// The same, signing with other keys.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Signs a request with the keys of now and sends it. An answer that is a redirect is an error; others are for the caller.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Answer, UpstreamError> {
        if let Some(pace) = &self.pace {
            pace.turn().await.map_err(|_| {
                UpstreamError::Busy(format!(
                    "more than {} s of requests of this account to {} are waiting on this server",
                    LONGEST_WAIT.as_secs(),
                    self.endpoint.host()
                ))
            })?;
        }
        if let Some(keys) = self.keys.get().await? {
            self.sign(&mut request, &keys)?;
        }
        let host = self.endpoint.host().to_owned();
        let request = request.map(SdkBody::from);
        let request = HttpRequest::try_from(request).map_err(|e| UpstreamError::Request(causes(&e)))?;
        let answer = within(self.patience.read, &host, self.http.call(request)).await?;
        let answer = answer.map_err(|e| failed(&host, &e))?;
        let answer = answer
            .try_into_http1x()
            .map_err(|e| UpstreamError::Request(causes(&e)))?;
        let (parts, body) = answer.into_parts();
        if parts.status.is_redirection() {
            let status = parts.status.as_u16();
            let to = parts.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let to = to.map(crate::config::value::one_line);
            return Err(UpstreamError::Redirect { host, status, to });
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            host,
            patience: self.patience,
        })
    }

    fn sign(&self, request: &mut Request<Bytes>, keys: &Credentials) -> Result<(), UpstreamError> {
        let wrong = |e: &(dyn std::error::Error + 'static)| UpstreamError::Request(causes(e));
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| wrong(&e))?;
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(request.body()),
        )
        .map_err(|e| wrong(&e))?;
        let (instructions, _) = sign(signable, &params.into()).map_err(|e| wrong(&e))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// One whose body has been read already.
    pub(super) fn whole((status, headers): (StatusCode, HeaderMap), body: Bytes, host: &str) -> Self {
        Self {
            status,
            headers,
            body: SdkBody::from(body),
            host: host.to_owned(),
            patience: Patience { read: None },
        }
    }

    /// The same, waited for as long as it takes.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        Self {
            patience: Patience { read: None },
            ..self
        }
    }

    /// Whose it is.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its media type in lower case, without parameters.
    pub fn content_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let media = value.unwrap_or_default().split(';').next().unwrap_or_default();
        media.trim().to_ascii_lowercase()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The body, whole.
    ///
    /// # Errors
    /// It broke off, took too long or is too large.
    pub async fn bytes(self) -> Result<Bytes, UpstreamError> {
        self.up_to(LARGEST_ANSWER).await
    }

    /// The body piece by piece.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, UpstreamError>> + Send + 'static {
        let Self {
            body, host, patience, ..
        } = self;
        stream::unfold(Some((body, host)), move |state| async move {
            let (mut body, host) = state?;
            loop {
                let frame = match within(patience.read, &host, body.frame()).await {
                    Ok(Some(Ok(frame))) => frame,
                    Ok(Some(Err(error))) => return Some((Err(broke_off(&host, &*error)), None)),
                    Ok(None) => return None,
                    Err(error) => return Some((Err(error), None)),
                };
                if let Ok(data) = frame.into_data() {
                    return Some((Ok(data), Some((body, host))));
                }
            }
        })
    }

    /// The error that an answer with an error's status is.
    pub async fn into_error(self) -> UpstreamError {
        let status = self.status.as_u16();
        let host = self.host.clone();
        let retry_after = self.header("retry-after").map(str::to_owned);
        let header = self.header("x-amzn-errortype").map(str::to_owned);
        // What can't be read of an error makes it no other error.
        let body = self.up_to(LARGEST_ERROR).await.unwrap_or_default();
        let json: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let text = |key: &str| {
            let value = json.as_ref()?.get(key)?.as_str()?;
            Some(value.to_owned())
        };
        let code = header.or_else(|| text("__type")).or_else(|| text("code"));
        // `Type:http://…` and `namespace#Type` are both in use.
        let code = code.map(|c| {
            let bare = c.split(':').next().unwrap_or_default();
            bare.rsplit('#').next().unwrap_or_default().to_owned()
        });
        let message = text("message").or_else(|| text("Message"));
        let message = message.unwrap_or_else(|| {
            let nested = json.as_ref().and_then(|j| j.pointer("/error/message")?.as_str());
            nested.map_or_else(|| excerpt(&body), str::to_owned)
        });
        UpstreamError::Status {
            host,
            status,
            code,
            message: crate::config::value::one_line(&message),
            retry_after,
        }
    }

    async fn up_to(self, limit: usize) -> Result<Bytes, UpstreamError> {
        let host = self.host.clone();
        let mut pieces = std::pin::pin!(self.pieces());
        let mut whole = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            if piece.len() > limit - whole.len() {
                return Err(UpstreamError::TooLarge { host, limit });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}

/// The beginning of a body that is no JSON: enough to see whose page it is.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}

async fn within<T>(limit: Option<Duration>, host: &str, work: impl Future<Output = T>) -> Result<T, UpstreamError> {
    match limit {
        Some(after) => tokio::time::timeout(after, work)
            .await
            .map_err(|_| UpstreamError::TimedOut {
                host: host.to_owned(),
                after,
            }),
        None => Ok(work.await),
    }
}

fn broke_off(host: &str, error: &(dyn std::error::Error + 'static)) -> UpstreamError {
    UpstreamError::BrokeOff {
        host: host.to_owned(),
        message: causes(error),
    }
}

/// What a connector's error means for who reads it.
fn failed(host: &str, error: &ConnectorError) -> UpstreamError {
    let message = causes(error);
    let host = host.to_owned();
    let lower = message.to_ascii_lowercase();
    if lower.contains("certificate") || lower.contains("tls") {
        UpstreamError::Tls { host, message }
    } else if error.is_timeout() || lower.contains("connect") || lower.contains("dns") || lower.contains("lookup") {
        UpstreamError::Connect { host, message }
    } else {
        UpstreamError::BrokeOff { host, message }
    }
}
