//! `tools`: the catalogue, for people, for programs and for the README.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;

use crate::{
    config::ToolsConfig,
    server::{Catalogue, CatalogueOptions, Entry},
};

use super::{print, table};

/// Arguments of `tools`.
#[derive(Debug, Args)]
pub(super) struct Tools {
    /// As `tools/list` gives them
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// As the README's table
    #[arg(long)]
    markdown: bool,

    #[command(flatten)]
    tools: ToolsConfig,
}

impl Tools {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let options = CatalogueOptions {
            profiles: true.into(),
            tools: self.tools.clone(),
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
            e.toolset,
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
