//! A client that signs what it sends as AWS's own do.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::upstream::Caller;

/// Signs with one caller's credentials, for one service and region.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) caller: Caller,
    pub(crate) service: &'static str,
    pub(crate) region: &'static str,
    inner: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Read {
    /// The JSON-RPC messages of a body, whether it is JSON or a stream of events.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let one = || vec![serde_json::from_str(&self.text).unwrap()];
        let kind = self.headers.get("content-type").map(|k| k.to_str().unwrap());
        if kind == Some("application/json") {
            return one();
        }
        let text = self.text.replace("\r\n", "\n");
        let data = |event: &str| {
            let lines = event.lines().filter_map(|l| l.strip_prefix("data:"));
            lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
        };
        let events = text.split("\n\n").map(data).filter(|data| !data.is_empty());
        events.map(|data| serde_json::from_str(&data).unwrap()).collect()
    }

    /// The last message, which is the answer.
    pub(crate) fn answer(&self) -> Value {
        self.messages()
            .pop()
            .unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().unwrap()
    }
}

/// A JSON-RPC request.
pub(crate) fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

impl Signed {
    pub(crate) fn new(caller: Caller) -> Self {
        Self {
            caller,
            service: "aws-mcp",
            region: "us-east-1",
            inner: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// A request that has its signature.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Request<Full<Bytes>> {
        let fixed = [("accept", "application/json, text/event-stream")];
        let host = url.parse::<http::Uri>().unwrap().authority().unwrap().to_string();
        let builder = Request::builder().method(method).uri(url).header("host", host);
        let builder = match body {
            "" => builder,
            _ => builder.header("content-type", "application/json"),
        };
        let headers = fixed.iter().chain(headers);
        let builder = headers.fold(builder, |b, (name, value)| b.header(*name, *value));
        let mut request = builder.body(body.to_owned()).unwrap();
        let Caller {
            access_key,
            secret,
            token,
            ..
        } = &self.caller;
        let identity = Credentials::new(access_key, secret, token.clone(), None, "it").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default());
        let signable = SignableRequest::new(
            request.method().as_str(),
            url,
            request.headers().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())),
            SignableBody::Bytes(request.body().as_bytes()),
        );
        let signed = sign(signable.unwrap(), &params.build().unwrap().into()).unwrap();
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        request.map(Full::from)
    }

    /// Sends it as it is.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.inner.request(request).await.unwrap()
    }

    /// Sends it as it is, and reads the answer; `None` if the body breaks off.
    pub(crate) async fn try_send(&self, request: Request<Full<Bytes>>) -> Option<Read> {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some(Read {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        })
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Read {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn post(&self, url: &str, headers: &[(&str, &str)], message: &Value) -> Read {
        self.send(self.request(Method::POST, url, headers, &message.to_string()))
            .await
    }

    /// A request of 2026-07-28, which brings everything along.
    pub(crate) async fn modern(&self, url: &str, method: &str, params: Value) -> Read {
        let (headers, message) = modern(method, params);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.post(url, &headers, &message).await
    }

    /// Opens a session of 2025-11-25; its id.
    pub(crate) async fn initialize(&self, url: &str) -> String {
        let opened = self.try_initialize(url).await;
        assert_eq!(opened.status, StatusCode::OK, "{opened:?}");
        let session = opened.header("mcp-session-id").to_owned();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let ready = self.in_session(url, &session, &ready).await;
        assert_eq!(ready.status, StatusCode::ACCEPTED, "{ready:?}");
        session
    }

    pub(crate) async fn try_initialize(&self, url: &str) -> Read {
        let client = json!({ "name": "it", "version": "1" });
        let capabilities = json!({ "elicitation": {} });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": client });
        self.post(url, &[], &message("initialize", params)).await
    }

    /// A message of a session.
    pub(crate) async fn in_session(&self, url: &str, session: &str, message: &Value) -> Read {
        let headers = [("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")];
        self.post(url, &headers, message).await
    }
}

/// The headers and the message of a request of 2026-07-28.
pub(crate) fn modern(method: &str, mut params: Value) -> (Vec<(&'static str, String)>, Value) {
    let version = "2026-07-28";
    let mut headers = vec![
        ("mcp-protocol-version", version.to_owned()),
        ("mcp-method", method.to_owned()),
    ];
    let name = params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str);
    headers.extend(name.map(|name| ("mcp-name", name.to_owned())));
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!(version);
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "it", "version": "1" });
    (headers, message(method, params))
}
