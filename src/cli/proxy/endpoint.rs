//! `proxy ENDPOINT`.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::config::ProxyConfig;

pub(super) async fn run(_: ProxyConfig) -> Result<ExitCode> {
    bail!("not written yet")
}
