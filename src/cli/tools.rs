//! `tools`: the catalogue, for people, for programs and for the README.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;

use crate::server::{Catalogue, CatalogueOptions, Entry};

use super::{AwsOptions, print, table};

/// Arguments of `tools`.
#[derive(Debug, Args)]
pub(super) struct Tools {
    /// As `tools/list` gives them
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// As the README's table: every toolset, unless some are chosen
    #[arg(long)]
    markdown: bool,

    /// Those that are forwarded to the AWS MCP Server, which is asked for them, with the SHA-256 of each definition
    #[arg(long, conflicts_with = "markdown")]
    forwarded: bool,

    #[command(flatten)]
    options: AwsOptions,
}

impl Tools {
    pub(super) async fn run(&self) -> Result<ExitCode> {
        if self.forwarded {
            return self.forwarded().await;
        }
        let options = CatalogueOptions {
            profiles: true.into(),
            tools: match self.markdown {
                true => self.options.tools.or_all(),
                false => self.options.tools.clone(),
            },
        };
        let catalogue = Catalogue::new(options).map_err(|e| anyhow!(e))?;
        if self.json {
            let list = serde_json::json!({ "tools": catalogue.tools() });
            return print(&format!("{}\n", serde_json::to_string_pretty(&list)?));
        }
        if self.markdown {
            return print(&markdown(&catalogue));
        }
        let mut rows = vec![
            ["TOOL", "TOOLSET", "ACCESS", "WHAT IT DOES"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(catalogue.entries().map(|e| {
            vec![
                e.tool.name.to_string(),
                e.toolset.to_owned(),
                e.declaration.access.as_str().to_owned(),
                summary(e),
            ]
        }));
        print(&table(&rows))
    }

    async fn forwarded(&self) -> Result<ExitCode> {
        let (server, _guard) = self.options.connect().await?.server(None)?;
        let tools = server.forwarded_tools().await;
        server.close().await;
        let tools = tools.context("the AWS MCP Server can't be asked")?;
        if self.json {
            let list = serde_json::json!({ "tools": tools });
            return print(&format!("{}\n", serde_json::to_string_pretty(&list)?));
        }
        let mut rows = vec![["TOOL", "ACCESS", "SHA-256"].map(str::to_owned).to_vec()];
        rows.extend(tools.iter().map(|tool| {
            let reads = tool.annotations.as_ref().and_then(|a| a.read_only_hint) == Some(true);
            let hash = tool
                .meta
                .as_ref()
                .and_then(|m| m.0.get("aws-ops/definition"))
                .and_then(|h| h.as_str());
            let access = if reads { "read" } else { "destroy" };
            vec![
                tool.name.to_string(),
                access.to_owned(),
                hash.unwrap_or_default().to_owned(),
            ]
        }));
        print(&table(&rows))
    }
}

/// The README's table of tools.
pub fn markdown(catalogue: &Catalogue) -> String {
    let mut lines = vec![
        "| tool | toolset | access | what it does | IAM actions |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(catalogue.entries().map(|e| {
        let actions = e
            .declaration
            .actions
            .iter()
            .map(|a| format!("`{a}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let actions = if actions.is_empty() { "none".to_owned() } else { actions };
        format!(
            "| `{}` | {} | {} | {} | {actions} |",
            e.tool.name,
            match e.toolset {
                // Not in every build, unlike in the table.
                "ec2" => "ec2 (cargo feature)",
                toolset => toolset,
            },
            e.declaration.access.as_str(),
            summary(e)
        )
    }));
    lines.join("\n") + "\n"
}

/// The description without its example.
fn summary(entry: &Entry) -> String {
    let description = entry.tool.description.as_deref().unwrap_or_default();
    description.split(" Example: ").next().unwrap_or_default().to_owned()
}
