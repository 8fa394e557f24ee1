//! `proxy smoke`: whether the way to an endpoint works, shown by what harms nothing.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

use crate::{
    cli::{print, table},
    config::{AgentCoreConfig, AwsConfig, ProxyConfig, value::one_line},
    upstream::{
        self,
        proxy::{serve, shape::BEHIND},
    },
};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the relay may take to end; what still hangs ends with the process.
const GOODBYE: Duration = Duration::from_secs(5);
/// The largest message between the relay and its client here, before one waits for the other.
const BUFFER: usize = 64 << 10;

pub(super) async fn run(endpoint: ProxyConfig, agentcore: AgentCoreConfig) -> Result<ExitCode> {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (read, write) = tokio::io::split(far);
    let named = endpoint.endpoint.is_some() || endpoint.swallowed_endpoint();
    let (identity, relay) = match agentcore.arn().filter(|_| !named) {
        Some(arn) => {
            let facts = vec![
                ("runtime", arn.to_string()),
                ("service", "bedrock-agentcore".to_owned()),
                ("signing region", arn.region().to_string()),
            ];
            let runtime = super::agentcore::runtime(&agentcore, AwsConfig::from_environment()?)?;
            let relay = tokio::spawn(async move {
                let ended = upstream::agentcore::run(runtime, BufReader::new(read), write).await;
                ended.unwrap_or_else(|error| tracing::error!(%error, "the relay ended"));
            });
            (facts, relay)
        }
        None => {
            let ready = super::endpoint::ready(endpoint)?;
            let served = serve(ready.options, ready.dialler, read, write, std::future::pending());
            (ready.identity, tokio::spawn(served))
        }
    };
    let mut client = Client::new(near);
    let seen = smoke(&mut client, identity).await;
    // The relay ends with its input, and ends the session at the endpoint.
    drop(client);
    let _ = tokio::time::timeout(GOODBYE, relay).await;
    let (text, failed) = seen?;
    print(&text)?;
    Ok(ExitCode::from(u8::from(failed)))
}

/// The report, and whether anything failed.
async fn smoke(client: &mut Client, identity: Vec<(&'static str, String)>) -> Result<(String, bool)> {
    let name = json!({ "name": "aws-ops-mcp smoke", "version": env!("CARGO_PKG_VERSION") });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": name });
    let mut facts = identity;
    let begun = Instant::now();
    let (welcome, connected) = match client.ask("initialize", params).await? {
        Ok(welcome) => (welcome, format!("{} ms", begun.elapsed().as_millis())),
        Err(why) => {
            facts.push(("connected", format!("no: {why}")));
            return Ok((shown_facts(&facts), true));
        }
    };
    let behind = welcome.pointer("/_meta").and_then(|meta| meta.get(BEHIND));
    // One relay answers for the server and says who that is; the other passes on what the server says of itself.
    let own = welcome.get("serverInfo").filter(|_| behind.is_none());
    let said = |key: &str| {
        let mut told = [behind, own, Some(&welcome)].into_iter().flatten();
        let told = told.find_map(|object| object.get(key)?.as_str());
        told.unwrap_or("?").to_owned()
    };
    facts.push(("connected", connected));
    facts.push(("server", one_line(&format!("{} {}", said("name"), said("version")))));
    facts.push(("revision", one_line(&said("protocolVersion"))));
    client
        .send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        .await?;
    let tools = match client.ask("tools/list", json!({})).await? {
        Ok(list) => list.get("tools").and_then(Value::as_array).cloned().unwrap_or_default(),
        Err(why) => {
            facts.push(("tools", format!("can't be listed: {why}")));
            return Ok((shown_facts(&facts), true));
        }
    };
    facts.push(("tools", tools.len().to_string()));
    let head = ["TOOL", "READ-ONLY", "RESULT", "MS"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    let mut failed = false;
    for tool in &tools {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        let reads = tool
            .pointer("/annotations/readOnlyHint")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let begun = Instant::now();
        let (result, asked) = match reason_to_skip(tool, reads) {
            Some(why) => (format!("skipped: {why}"), false),
            None => match client
                .ask("tools/call", json!({ "name": name, "arguments": {} }))
                .await?
            {
                Ok(result) if result.get("isError").and_then(Value::as_bool) == Some(true) => {
                    let text = result
                        .pointer("/content/0/text")
                        .and_then(Value::as_str)
                        .unwrap_or("no text");
                    (format!("failed: {}", one_line(text)), true)
                }
                Ok(_) => ("ok".to_owned(), true),
                Err(why) => (format!("failed: {why}"), true),
            },
        };
        failed |= result.starts_with("failed");
        let took = if asked {
            begun.elapsed().as_millis().to_string()
        } else {
            String::new()
        };
        let reads = if reads { "yes" } else { "no" };
        rows.push(vec![one_line(name), reads.to_owned(), result, took]);
    }
    Ok((format!("{}\n{}", shown_facts(&facts), table(&rows)), failed))
}

fn shown_facts(facts: &[(&'static str, String)]) -> String {
    table(
        &facts
            .iter()
            .map(|(name, value)| vec![(*name).to_owned(), value.clone()])
            .collect::<Vec<_>>(),
    )
}

/// Why a tool is not called: what is not known to be harmless, or can't be guessed.
fn reason_to_skip(tool: &Value, reads: bool) -> Option<String> {
    if !reads {
        return Some("does not say that it only reads".to_owned());
    }
    let required = tool.pointer("/inputSchema/required").and_then(Value::as_array)?;
    let names: Vec<_> = required.iter().filter_map(Value::as_str).map(one_line).collect();
    (!names.is_empty()).then(|| format!("needs {}", names.join(", ")))
}

/// The relay's client, at the other end of a pair of streams.
struct Client {
    write: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    next: u64,
}

impl Client {
    fn new(stream: DuplexStream) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            write,
            lines: BufReader::new(read).lines(),
            next: 0,
        }
    }

    /// The result of a request, or the message of its error.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Result<Value, String>> {
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.send(&request).await?;
        match tokio::time::timeout(PATIENCE, self.answer()).await {
            Ok(answer) => answer,
            // An answer that comes later has an id that nobody asks for any more.
            Err(_) => Ok(Err(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// The answer to the last request.
    async fn answer(&mut self) -> Result<Result<Value, String>> {
        loop {
            let line = self
                .lines
                .next_line()
                .await?
                .ok_or_else(|| anyhow!("the relay closed its side"))?;
            let message: Value = serde_json::from_str(&line).context("the relay answered with no JSON")?;
            if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
                // Nobody is there to be asked; left without an answer, the call would wait for its whole time.
                let error = json!({ "code": -32601, "message": "aws-ops-mcp smoke answers no questions" });
                self.send(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
                    .await?;
                continue;
            }
            if message.get("id").and_then(Value::as_u64) != Some(self.next) {
                continue;
            }
            let error = message.pointer("/error/message").and_then(Value::as_str).map(one_line);
            return Ok(match error {
                Some(error) => Err(error),
                None => Ok(message.get("result").cloned().unwrap_or_default()),
            });
        }
    }

    async fn send(&mut self, message: &Value) -> Result<()> {
        let sent = self.write.write_all(format!("{message}\n").as_bytes()).await;
        sent.context("the relay closed its side")
    }
}
