//! The relay to an AgentCore runtime, against a stand-in that checks every signature: each row of agentcore-mcp-proxy's contract.

mod faults;
mod program;
mod relay;
mod sessions;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_ops_mcp::{
    aws::{Aws, Base, Identity},
    config::{AwsConfig, SessionMode},
    upstream::{
        Endpoint,
        agentcore::{Acting, Runtime, Settings, run},
    },
};
use clap::{CommandFactory as _, FromArgMatches as _};
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
    },
    task::JoinHandle,
};

use crate::support::upstream::{Caller, Options, RUNTIME_ARN, Upstream};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// How a relay is started.
struct Setup {
    mode: SessionMode,
    qualifier: &'static str,
    /// The keys of the base identity: when AWS no longer takes the first, the next.
    keys: Vec<Credentials>,
    identity: Identity,
    /// Where STS is.
    sts: String,
    read_timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mode: SessionMode::Session,
            qualifier: "DEFAULT",
            keys: vec![keys_of(&user())],
            identity: Identity::Default,
            sts: "http://127.0.0.1:9".to_owned(),
            read_timeout: Duration::from_secs(60),
        }
    }
}

/// A client with a relay behind it.
struct Client {
    to: Option<WriteHalf<DuplexStream>>,
    from: Lines<BufReader<ReadHalf<DuplexStream>>>,
    relay: JoinHandle<std::io::Result<()>>,
    last: i64,
}

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    aws: AwsConfig,
}

/// Settings that no variable of the test's surroundings changes.
fn aws_config(sts: &str) -> AwsConfig {
    let flags = [
        "it",
        "--endpoint-url",
        sts,
        "--region",
        "us-east-1",
        "--max-attempts",
        "1",
    ];
    let command = Flags::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
    Flags::from_arg_matches(&command.get_matches_from(flags)).unwrap().aws
}

fn user() -> Caller {
    Caller::of("111111111111")
}

fn keys_of(caller: &Caller) -> Credentials {
    Credentials::new(&caller.access_key, &caller.secret, caller.token.clone(), None, "it")
}

async fn upstream() -> Upstream {
    Upstream::start(Options::default()).await.unwrap()
}

fn runtime(base: &str, setup: Setup) -> Runtime {
    let endpoint = Endpoint::parse(base).unwrap();
    let config = aws_config(&setup.sts);
    let http = aws_ops_mcp::aws::http_client::connector(None, false, Some(Duration::from_secs(5))).unwrap();
    let keys = Mutex::new(VecDeque::from(setup.keys));
    let make = move || {
        let mut keys = keys.lock().unwrap();
        let next = if keys.len() > 1 {
            keys.pop_front()
        } else {
            keys.front().cloned()
        };
        Arc::new(Aws::new(&config, Base::Fixed(next.unwrap())).unwrap())
    };
    let settings = Settings {
        arn: RUNTIME_ARN.parse().unwrap(),
        qualifier: setup.qualifier.to_owned(),
        endpoint,
        mode: setup.mode,
        mcp_session_id: false,
        read_timeout: Some(setup.read_timeout),
    };
    Runtime::new(settings, http, Acting::new(make, setup.identity))
}

impl Client {
    fn of(upstream: &Upstream, setup: Setup) -> Self {
        Self::at(upstream.base(), setup)
    }

    fn at(base: &str, setup: Setup) -> Self {
        let (client, ours) = duplex(1 << 20);
        let (input, output) = split(ours);
        let relay = tokio::spawn(run(runtime(base, setup), BufReader::new(input), output));
        let (from, to) = split(client);
        Self {
            to: Some(to),
            from: BufReader::new(from).lines(),
            relay,
            last: 0,
        }
    }

    async fn says_line(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.to.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn notifies(&mut self, method: &str) {
        self.says_line(&json!({ "jsonrpc": "2.0", "method": method }).to_string())
            .await;
    }

    /// Sends a request; its id.
    async fn asks(&mut self, method: &str, params: Value) -> i64 {
        self.last += 1;
        let message = json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.says_line(&message.to_string()).await;
        self.last
    }

    async fn hears(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.from.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }

    /// Sends a request and hears its answer.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.asks(method, params).await;
        let answer = self.hears().await;
        assert_eq!(
            (&answer["jsonrpc"], &answer["id"]),
            (&json!("2.0"), &json!(id)),
            "{answer}"
        );
        answer
    }

    /// A call whose answer tells what the server saw.
    async fn script(&mut self) -> Value {
        self.call("tools/call", script()).await
    }

    async fn initialize(&mut self) -> Value {
        let client = json!({ "name": "it", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        let answer = self.call("initialize", params).await;
        self.notifies("notifications/initialized").await;
        answer
    }

    /// The client leaves; what it would still have heard.
    async fn leaves(mut self) -> Vec<Value> {
        self.to.take().unwrap().shutdown().await.unwrap();
        self.relay.await.unwrap().unwrap();
        let mut heard = Vec::new();
        while let Some(line) = self.from.next_line().await.unwrap() {
            heard.push(serde_json::from_str(&line).unwrap());
        }
        heard
    }
}

fn script() -> Value {
    json!({ "name": "aws___run_script", "arguments": { "code": "1" } })
}

/// The runtime sessions that requests went to, in their order.
fn sessions(upstream: &Upstream) -> Vec<String> {
    let requests = upstream.requests();
    let sessions = requests.iter().map(|r| r.header(SESSION).unwrap().to_owned());
    sessions.collect()
}

/// The JSON-RPC methods that arrived, in their order.
fn methods(upstream: &Upstream) -> Vec<String> {
    upstream.requests().iter().map(|r| r.rpc_method()).collect()
}

/// An error's code and message.
fn error(answer: &Value) -> (i64, &str) {
    let error = &answer["error"];
    let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"));
    (code, error["message"].as_str().unwrap())
}
