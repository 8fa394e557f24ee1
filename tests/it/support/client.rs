//! A client over real HTTP.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::body_of;

/// Talks to a server that was started.
#[derive(Clone)]
pub(crate) struct Client {
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
    address: String,
    token: String,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Client {
    /// For `address`, such as `127.0.0.1:8000`.
    pub(crate) fn new(address: &str, token: &str) -> Self {
        Self {
            inner: legacy::Client::builder(TokioExecutor::new()).build_http(),
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A request as it is, to a path of the server.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &[u8])], body: &str) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let builder = Request::builder().method(method).uri(url);
        let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, *value));
        let request = builder.body(Full::from(body.to_owned())).unwrap();
        let response = self.inner.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A JSON-RPC request to /mcp, with the token.
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let bearer = format!("Bearer {}", self.token);
        let headers: [(&str, &[u8]); 3] = [
            ("authorization", bearer.as_bytes()),
            ("accept", b"application/json, text/event-stream"),
            ("content-type", b"application/json"),
        ];
        let answer = self.send(Method::POST, "/mcp", &headers, &message.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        serde_json::from_slice(&answer.bytes).unwrap()
    }

    /// Calls a tool; the whole body.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        body_of(
            &self
                .rpc("tools/call", json!({ "name": tool, "arguments": arguments }))
                .await,
        )
    }
}

/// Downloads a link, as a browser would: with nothing but the link.
pub(crate) async fn download(url: &str) -> Answer {
    let (address, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .unwrap_or_else(|| panic!("no plain link: {url}"));
    let client = Client::new(address, "");
    client.send(Method::GET, &format!("/{path}"), &[], "").await
}

/// Uploads text by a link, with these headers and no others.
pub(crate) async fn upload(url: &str, headers: &[(String, String)], body: &str) -> u16 {
    let (address, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .unwrap_or_else(|| panic!("no plain link: {url}"));
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let answer = Client::new(address, "")
        .send(Method::PUT, &format!("/{path}"), &headers, body)
        .await;
    answer.status.as_u16()
}
