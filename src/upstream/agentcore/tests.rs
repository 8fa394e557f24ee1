//! The relay against a server that does what a test says.

mod order;
mod streams;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
    },
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::{
    aws::{Aws, Base, Identity, cache::SystemClock},
    config::{AwsConfig, SessionMode},
    upstream::Endpoint,
};

use super::{Acting, Runtime, Settings};

const ARN: &str = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-a1b2c3d4e5";
/// Longer than anything that is under way, and shorter than the read timeout.
const MOMENT: Duration = Duration::from_secs(5);

/// What the relay sends, for the test to answer.
#[derive(Clone, Debug)]
struct Script(mpsc::UnboundedSender<Asked>);

/// One request.
#[derive(Debug)]
struct Asked {
    uri: String,
    headers: Vec<(String, String)>,
    message: Value,
    answer: oneshot::Sender<http::Response<SdkBody>>,
}

/// A stream of events that a test writes; it ends when this is dropped.
struct Stream(mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>);

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, answered) = oneshot::channel();
        let headers = request.headers().iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        let asked = Asked {
            uri: request.uri().to_owned(),
            headers: headers.collect(),
            message: serde_json::from_slice(request.body().bytes().unwrap()).unwrap(),
            answer,
        };
        let sent = self.0.send(asked);
        HttpConnectorFuture::new(async move {
            let gone = |_| ConnectorError::io("connection reset".into());
            sent.map_err(|_| ConnectorError::io("connection refused".into()))?;
            let answer = answered.await.map_err(gone)?;
            Ok(HttpResponse::try_from(answer).unwrap())
        })
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl Asked {
    fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn session(&self) -> &str {
        self.header("x-amzn-bedrock-agentcore-runtime-session-id").unwrap()
    }

    fn with(self, status: u16, content_type: &str, body: impl Into<SdkBody>) {
        let response = http::Response::builder()
            .status(status)
            .header("content-type", content_type);
        // A relay that was stopped no longer listens.
        let _ = self.answer.send(response.body(body.into()).unwrap());
    }

    fn json(self, body: &Value) {
        self.with(200, "application/json", body.to_string());
    }

    fn result(self, result: Value) {
        let id = self.message["id"].clone();
        self.json(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    fn accepted(self) {
        self.with(202, "application/json", "");
    }

    fn events(self) -> Stream {
        let (send, receive) = mpsc::unbounded_channel();
        let body = StreamBody::new(UnboundedReceiverStream::new(receive));
        self.with(200, "text/event-stream; charset=utf-8", SdkBody::from_body_1_x(body));
        Stream(send)
    }
}

impl Stream {
    fn write(&self, text: &str) {
        let _ = self.0.send(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes()))));
    }

    fn event(&self, message: &Value) {
        self.write(&format!("event: message\ndata: {message}\n\n"));
    }

    fn breaks(self) {
        let _ = self.0.send(Err(std::io::ErrorKind::ConnectionReset.into()));
    }
}

/// A client and a server, with the relay between them.
struct Between {
    to: Option<WriteHalf<DuplexStream>>,
    from: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: mpsc::UnboundedReceiver<Asked>,
    /// How often credentials were looked for from the beginning.
    looked: Arc<AtomicUsize>,
    relay: JoinHandle<std::io::Result<()>>,
}

impl Between {
    fn new() -> Self {
        Self::with(SessionMode::Session, false)
    }

    fn with(mode: SessionMode, mcp_session_id: bool) -> Self {
        let (asked, server) = mpsc::unbounded_channel();
        let script = Script(asked);
        let http = SharedHttpClient::new(script.clone());
        let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI", Some("token".to_owned()), None, "test");
        let looked = Arc::new(AtomicUsize::new(0));
        let counter = looked.clone();
        let make = move || {
            counter.fetch_add(1, SeqCst);
            let config = AwsConfig::for_tests(&[]);
            Arc::new(Aws::with_http_client(
                &config,
                Base::Fixed(keys.clone()),
                http.clone(),
                Arc::new(SystemClock),
            ))
        };
        let settings = Settings {
            arn: ARN.parse().unwrap(),
            qualifier: "DEFAULT".to_owned(),
            endpoint: Endpoint::parse("https://bedrock-agentcore.us-east-1.amazonaws.com").unwrap(),
            mode,
            mcp_session_id,
            read_timeout: Some(Duration::from_secs(300)),
        };
        let runtime = Runtime::new(
            settings,
            SharedHttpConnector::new(script),
            Acting::new(make, Identity::Default),
        );
        let (client, ours) = duplex(1 << 20);
        let (input, output) = split(ours);
        let relay = tokio::spawn(super::run(runtime, BufReader::new(input), output));
        let (from, to) = split(client);
        Self {
            to: Some(to),
            from: BufReader::new(from).lines(),
            server,
            looked,
            relay,
        }
    }

    async fn says(&mut self, message: &Value) {
        self.says_line(&message.to_string()).await;
    }

    async fn says_line(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.to.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn requests(&mut self, id: impl Into<Value>, method: &str) {
        let message = json!({ "jsonrpc": "2.0", "id": id.into(), "method": method });
        self.says(&message).await;
    }

    async fn notifies(&mut self, method: &str, params: Value) {
        self.says(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
            .await;
    }

    /// What the client hears next.
    async fn hears(&mut self) -> Value {
        let line = self.from.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }

    async fn hears_nothing(&mut self) {
        let heard = tokio::time::timeout(MOMENT, self.from.next_line()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// What the server is asked next.
    async fn asked(&mut self) -> Asked {
        self.server.recv().await.unwrap()
    }

    async fn asked_nothing(&mut self) {
        let asked = tokio::time::timeout(MOMENT, self.server.recv()).await;
        assert!(asked.is_err(), "{asked:?}");
    }

    /// The client closes its end; everything that it still hears.
    async fn ends(mut self) -> Vec<Value> {
        self.to.take().unwrap().shutdown().await.unwrap();
        self.relay.await.unwrap().unwrap();
        let mut heard = Vec::new();
        while let Some(line) = self.from.next_line().await.unwrap() {
            heard.push(serde_json::from_str(&line).unwrap());
        }
        heard
    }
}

fn code(message: &Value) -> i64 {
    message["error"]["code"]
        .as_i64()
        .unwrap_or_else(|| panic!("no error: {message}"))
}

#[tokio::test]
async fn the_arn_is_one_segment_and_the_signature_covers_the_path_as_botocore_has_it() {
    let mut between = Between::new();
    between.requests(1, "ping").await;
    let asked = between.asked().await;
    let path = "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fmy_agent-a1b2c3d4e5/invocations";
    let host = "bedrock-agentcore.us-east-1.amazonaws.com";
    assert_eq!(asked.uri, format!("https://{host}{path}?qualifier=DEFAULT"));
    let authorization = asked.header("authorization").unwrap();
    let (_, signed) = authorization.split_once("SignedHeaders=").unwrap();
    let (signed, signature) = signed.split_once(", Signature=").unwrap();
    for needed in [
        "host",
        "x-amz-date",
        "x-amz-security-token",
        "x-amzn-bedrock-agentcore-runtime-session-id",
    ] {
        assert!(signed.split(';').any(|name| name == needed), "{signed}");
    }
    // botocore encodes a path that is encoded once more, for every service but S3.
    let canonical_path = path.replace('%', "%25");
    let headers: String = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.header(name).unwrap_or(host)))
        .collect();
    let body = hex(&sha2_of(asked.message_bytes().as_bytes()));
    let canonical = format!("POST\n{canonical_path}\nqualifier=DEFAULT\n{headers}\n{signed}\n{body}");
    let date = asked.header("x-amz-date").unwrap();
    let scope = format!("{}/us-east-1/bedrock-agentcore/aws4_request", &date[..8]);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&sha2_of(canonical.as_bytes()))
    );
    let key = scope
        .split('/')
        .fold(b"AWS4wJalrXUtnFEMI".to_vec(), |key, part| hmac(&key, part.as_bytes()));
    assert_eq!(hex(&hmac(&key, to_sign.as_bytes())), signature);
}

impl Asked {
    fn message_bytes(&self) -> String {
        self.message.to_string()
    }
}

fn sha2_of(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).unwrap_or(&0) ^ with).collect() };
    sha2_of(&[pad(0x5c), sha2_of(&[&pad(0x36), text].concat())].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
