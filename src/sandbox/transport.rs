//! The two ways in: real HTTP on the loopback, and an SDK transport that needs no socket.

use std::{fmt, io};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, Uri},
};
use bytes::Bytes;

use super::{Sandbox, gateway::Request};

/// The largest body that the sandbox takes or gives.
const BODY_LIMIT: usize = 64 << 20;

/// A sandbox that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct SandboxServer {
    /// Where it is, as `AWS_ENDPOINT_URL` wants it: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for SandboxServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    /// Serves the accounts over HTTP on a free port of 127.0.0.1 until the answer is dropped.
    pub async fn listen(&self) -> io::Result<SandboxServer> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = self.router();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the sandbox stopped");
            }
        });
        Ok(SandboxServer { endpoint, task })
    }

    /// The accounts as a router, for whoever brings a listener of their own.
    pub fn router(&self) -> Router {
        let answer =
            async |State(sandbox): State<Sandbox>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                sandbox
                    .inner
                    .answer(Request {
                        method,
                        uri,
                        headers,
                        body,
                    })
                    .await
            };
        Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self.clone())
    }

    /// A transport for SDK clients that reaches the accounts in process, whatever endpoint the client has.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess(self.clone()))
    }
}

#[derive(Clone)]
struct InProcess(Sandbox);

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = self.0.clone();
        HttpConnectorFuture::new(async move { sandbox.call(request).await })
    }
}

type SdkResponse = aws_smithy_runtime_api::http::Response<SdkBody>;

impl Sandbox {
    async fn call(&self, request: HttpRequest) -> Result<SdkResponse, ConnectorError> {
        let (parts, body) = request.try_into_http1x().map_err(other)?.into_parts();
        let mut headers = parts.headers;
        // The name of the host is signed, but only a connection would write it down.
        if let (false, Some(host)) = (headers.contains_key("host"), parts.uri.authority()) {
            headers.insert("host", host.as_str().parse().map_err(other)?);
        }
        let body = to_bytes(Body::new(body), BODY_LIMIT).await.map_err(other)?;
        let request = Request {
            method: parts.method,
            uri: parts.uri,
            headers,
            body,
        };
        let (parts, body) = self.inner.answer(request).await.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.map_err(other)?;
        http::Response::from_parts(parts, SdkBody::from(body))
            .try_into()
            .map_err(other)
    }
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}
