//! `proxy --agent-arn`.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::config::AgentCoreConfig;

pub(super) async fn run(_: AgentCoreConfig) -> Result<ExitCode> {
    bail!("not written yet")
}
