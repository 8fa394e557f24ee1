//! `call`: one tool, once, through the same server that clients talk to.

use std::{io::Read, process::ExitCode};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use rmcp::{ServiceExt, model::JsonObject};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use crate::auth::Caller;

use super::{AwsOptions, print};

/// Arguments of `call`.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The tool's name, as `aws-ops-mcp tools` shows it
    tool: String,

    /// An argument; what is no text is read as JSON: --arg max_results=5
    #[arg(long = "arg", short = 'a', value_name = "NAME=VALUE")]
    arguments: Vec<String>,

    /// Arguments as one JSON object; `-` reads it from standard input, where secrets don't show in the process list
    #[arg(long, value_name = "JSON|-")]
    json: Option<String>,

    #[command(flatten)]
    options: AwsOptions,
}

impl Call {
    pub(super) async fn run(&self) -> Result<ExitCode> {
        let tools = self.options.tools.or_all();
        let options = AwsOptions {
            tools,
            ..self.options.clone()
        };
        let (server, _sandbox) = options.connect().await?.server(Some(Caller::local()))?;
        // One that is switched off is called all the same: the server's answer says what hides it.
        let schema = server.schema(&self.tool).await.map_err(|e| anyhow!(e))?;
        let arguments = self.arguments(&schema)?;
        let (here, there) = tokio::io::duplex(1 << 16);
        let serves = server.clone();
        let serving =
            tokio::spawn(async move { serves.serve(there).await?.waiting().await.map_err(anyhow::Error::from) });
        let answer = exchange(here, &self.tool, arguments).await;
        serving.abort();
        server.close().await;
        let answer = answer?;
        if let Some(error) = answer.get("error") {
            bail!(
                "{}",
                error
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or("the server refused the call")
            );
        }
        let body = answer
            .pointer("/result/structuredContent")
            .context("the tool answered without a result")?;
        print(&format!("{}\n", serde_json::to_string_pretty(body)?))?;
        Ok(if body.get("success") == Some(&Value::Bool(true)) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn arguments(&self, schema: &JsonObject) -> Result<Map<String, Value>> {
        let mut arguments = match self.json.as_deref() {
            Some("-") => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .context("can't read standard input")?;
                object(&text)?
            }
            Some(text) => object(text)?,
            None => Map::new(),
        };
        for argument in &self.arguments {
            let Some((name, text)) = argument.split_once('=') else {
                bail!("--arg {argument}: expected NAME=VALUE")
            };
            let property = schema.get("properties").and_then(|p| p.get(name));
            let is_text = property.and_then(|p| p.get("type")).is_some_and(|t| t == "string");
            let value = if is_text { None } else { serde_json::from_str(text).ok() };
            arguments.insert(name.to_owned(), value.unwrap_or_else(|| json!(text)));
        }
        Ok(arguments)
    }
}

fn object(text: &str) -> Result<Map<String, Value>> {
    // serde's message names the place without quoting the text, which may be secret.
    serde_json::from_str(text).context("--json: expected a JSON object")
}

/// One MCP session: initialize, call, answer.
async fn exchange(stream: DuplexStream, tool: &str, arguments: Map<String, Value>) -> Result<Value> {
    let (read, mut write) = tokio::io::split(stream);
    let client = json!({ "name": "aws-ops-mcp call", "version": env!("CARGO_PKG_VERSION") });
    let begin = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    let call = json!({ "name": tool, "arguments": arguments });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call }),
    ] {
        write
            .write_all(format!("{message}\n").as_bytes())
            .await
            .context("the server does not listen")?;
    }
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await.context("the server's answer broke off")? {
        let message: Value = serde_json::from_str(&line).context("the server's answer is no JSON")?;
        if message.get("id") == Some(&json!(2)) {
            return Ok(message);
        }
    }
    bail!("the server ended without an answer")
}
