//! A client of the relay, line by line, in front of the stand-in for AWS.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_ops_mcp::{
    aws::http_client,
    upstream::{
        Endpoint, Keys, Patience, Sender, UpstreamError,
        keys::Source,
        proxy::{Dialler, Options, serve},
    },
};
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf},
    task::JoinHandle,
};

use crate::support::upstream::{Caller, Options as UpstreamOptions, Upstream};

/// How long an answer may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of each profile, which tests change.
pub(super) type Wallet = Arc<Mutex<Vec<(&'static str, Caller)>>>;

/// A conversation.
pub(super) struct Talk {
    pub(super) upstream: Upstream,
    pub(super) wallet: Wallet,
    write: Option<WriteHalf<DuplexStream>>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: Option<JoinHandle<()>>,
    /// What came beside answers.
    pub(super) aside: Vec<Value>,
    next: i64,
    /// What goes into the `_meta` of each request.
    pub(super) meta: Value,
}

/// What a conversation is like.
pub(super) struct Setting {
    pub(super) options: Options,
    pub(super) upstream: UpstreamOptions,
    pub(super) url: Option<String>,
    pub(super) read_timeout: Duration,
    pub(super) headers: HeaderMap,
    pub(super) metadata: Value,
    pub(super) telemetry: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            options: Options::default(),
            upstream: UpstreamOptions {
                callers: vec![Caller::of("111111111111"), Caller::of("222222222222")],
                ..UpstreamOptions::default()
            },
            url: None,
            read_timeout: Duration::from_secs(30),
            headers: HeaderMap::new(),
            metadata: json!({}),
            telemetry: true,
        }
    }
}

/// The keys that the wallet has for a profile.
struct Held(Wallet, String);

impl Source for Held {
    fn keys(&self) -> BoxFuture<'_, Result<Option<Credentials>, UpstreamError>> {
        let wallet = self.0.lock().unwrap();
        let caller = wallet
            .iter()
            .find(|(name, _)| *name == self.1)
            .map(|(_, caller)| caller.clone());
        Box::pin(async move {
            let caller =
                caller.ok_or_else(|| UpstreamError::Credentials("No AWS credentials available.".to_owned()))?;
            Ok(Some(Credentials::new(
                caller.access_key,
                caller.secret,
                caller.token,
                None,
                "test",
            )))
        })
    }
}

impl Talk {
    /// Opens the streams; nothing is said yet.
    pub(super) async fn start(setting: Setting) -> Self {
        let upstream = Upstream::start(setting.upstream).await.unwrap();
        let wallet: Wallet = Arc::new(Mutex::new(vec![
            ("alpha", Caller::of("111111111111")),
            ("beta", Caller::of("222222222222")),
        ]));
        let url = setting.url.unwrap_or_else(|| upstream.url());
        let endpoint = Endpoint::parse(&url).unwrap();
        let patience = Patience {
            read: Some(setting.read_timeout),
        };
        let http = http_client::connector(None, false, Some(Duration::from_secs(5))).unwrap();
        let nobody = Keys::new(Held(Wallet::default(), String::new()));
        let sender = Sender::new(http, endpoint.clone(), ("aws-mcp", "us-east-1"), nobody, patience);
        let held = wallet.clone();
        let dialler = Dialler {
            endpoint,
            sender,
            keys: Box::new(move |profile| Ok(Keys::new(Held(held.clone(), profile.unwrap_or("alpha").to_owned())))),
            region: Box::new(|profile| {
                let region = match profile.as_deref() {
                    Some("nowhere") => Err("Failed to create AWS session with profile 'nowhere'".to_owned()),
                    Some("beta") => Ok(Some("us-west-2".to_owned())),
                    _ => Ok(None),
                };
                Box::pin(std::future::ready(region))
            }),
            environment_region: Some("eu-central-1".to_owned()),
            metadata: setting.metadata.as_object().unwrap().clone(),
            headers: setting.headers,
            telemetry: setting.telemetry,
        };
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let served = tokio::spawn(serve(setting.options, dialler, read, write, std::future::pending()));
        let (read, write) = tokio::io::split(ours);
        Self {
            upstream,
            wallet,
            write: Some(write),
            lines: BufReader::new(read).lines(),
            served: Some(served),
            aside: Vec::new(),
            next: 0,
            meta: json!({}),
        }
    }

    /// A session as a client of 2025-11-25 begins it.
    pub(super) async fn legacy(setting: Setting) -> Self {
        let mut talk = Self::start(setting).await;
        let answer = talk.initialize().await;
        assert!(answer["result"].is_object(), "{answer}");
        talk.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        talk
    }

    /// A session as a client of 2026-07-28 has it.
    pub(super) async fn modern(setting: Setting) -> Self {
        let mut talk = Self::start(setting).await;
        talk.meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "It", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
        });
        talk
    }

    pub(super) async fn initialize(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "It Tests", "version": "1" },
        });
        self.ask("initialize", params).await
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.line(&message.to_string()).await;
    }

    pub(super) async fn line(&mut self, line: &str) {
        let write = self.write.as_mut().unwrap();
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Sends a request and does not wait; its id.
    pub(super) async fn begin(&mut self, method: &str, mut params: Value) -> i64 {
        self.next += 1;
        if self.meta != json!({}) {
            let own = self.meta.as_object().unwrap().clone();
            let meta = params.as_object_mut().unwrap().entry("_meta").or_insert(json!({}));
            meta.as_object_mut().unwrap().extend(own);
        }
        self.send(json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }))
            .await;
        self.next
    }

    /// The answer to a request. What comes before is kept aside.
    pub(super) async fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.next_message().await;
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
            self.aside.push(message);
        }
    }

    pub(super) async fn next_message(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no answer")).unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        self.answer(id).await
    }

    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
            .await
    }

    /// The text of a call's result.
    pub(super) async fn text(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        text_of(&answer)
    }

    /// What the upstream saw of a call.
    pub(super) async fn seen(&mut self, arguments: Value) -> Value {
        let text = self.text("aws___run_script", arguments).await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }

    /// How often the upstream was asked for a method.
    pub(super) fn asked(&self, method: &str) -> usize {
        let requests = self.upstream.requests();
        requests
            .iter()
            .filter(|r| r.rpc_method() == method || r.method.as_str() == method)
            .count()
    }

    /// Closes the client's side and waits for the proxy's end.
    pub(super) async fn end(&mut self) {
        self.write.take().unwrap().shutdown().await.unwrap();
        tokio::time::timeout(PATIENCE, self.served.take().unwrap())
            .await
            .unwrap()
            .unwrap();
    }
}

pub(super) fn text_of(answer: &Value) -> String {
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Two profiles.
pub(super) fn two_profiles() -> Setting {
    let mut setting = Setting::default();
    setting.options.profiles = vec!["beta".to_owned(), "alpha".to_owned()];
    setting
}
