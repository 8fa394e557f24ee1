//! A second opinion on signatures: botocore's, from the server that `tests/upstream/run.sh` starts.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{caller::Caller, record::Recorded};

pub(super) struct Verifier {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Where the one is that the environment names, if it names one.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own variables are declared nowhere else"
)]
pub(super) fn from_env() -> Option<String> {
    std::env::var("BOTOCORE_VERIFIER").ok().filter(|url| !url.is_empty())
}

impl Verifier {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Whether botocore would have signed so with these credentials; if not, why, with the canonical request.
    pub(super) async fn check(&self, request: &Recorded, caller: &Caller) -> Result<(), String> {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let host = request.header("host").unwrap_or_default();
        let question = json!({
            "method": request.method.as_str(),
            "url": format!("http://{host}{}", request.uri),
            "headers": headers,
            "body": BASE64_STANDARD.encode(&request.body),
            "access_key": caller.access_key,
            "secret": caller.secret,
            "token": caller.token,
        });
        let answer = self
            .ask(&question)
            .await
            .map_err(|why| format!("{}: {why}", self.url))?;
        match answer.get("ok") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(answer
                .get("why")
                .and_then(Value::as_str)
                .map_or_else(|| answer.to_string(), str::to_owned)),
        }
    }

    async fn ask(&self, question: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let request = http::Request::post(&self.url).body(Full::from(question.to_string()))?;
        let answer = self.client.request(request).await?;
        Ok(serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?)
    }
}
