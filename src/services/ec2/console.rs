//! What an instance wrote to its console.

use aws_sdk_ec2::Client;
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, dated, size};

use super::check_ids;

/// How much is shown when the call doesn't say.
const DEFAULT_KIB: u32 = 8;
/// What AWS keeps.
const MOST_KIB: u32 = 64;

/// Arguments of `get_console_output`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetConsoleOutput {
    instance_id: String,
    /// The last so many KiB (default 8, at most 64)
    last_kib: Option<u32>,
    /// What it says now, not after its last transition (Nitro only)
    #[serde(default)]
    latest: bool,
}

/// Answer of `get_console_output`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConsoleOutput {
    instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    /// All that AWS has of it
    size: String,
    /// What was left out before the output's first line
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<String>,
    /// Empty until the instance has booted, and for some minutes after
    output: String,
}

pub(super) async fn get(ops: &Ops, client: &Client, input: GetConsoleOutput) -> Result<ConsoleOutput, OpError> {
    check_ids("instance_id", "i-", [&input.instance_id])?;
    let kib = input.last_kib.unwrap_or(DEFAULT_KIB);
    if !(1..=MOST_KIB).contains(&kib) {
        return Err(OpError::InvalidInput(format!(
            "last_kib is {kib}; AWS keeps the last {MOST_KIB} KiB: give 1 to {MOST_KIB}"
        )));
    }
    let request = client.get_console_output().instance_id(&input.instance_id);
    let answer = request.set_latest(input.latest.then_some(true)).send().await?;
    let encoded: String = answer.output.unwrap_or_default().split_whitespace().collect();
    let bytes = BASE64_STANDARD
        .decode(encoded)
        .map_err(|e| OpError::internal(format!("the console output is no base64: {e}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let shown = tail(&text, kib as usize * 1024);
    let left_out = text.len() - shown.len();
    Ok(ConsoleOutput {
        instance_id: answer.instance_id.unwrap_or(input.instance_id),
        updated: answer.timestamp.map(|t| dated(&t, ops.now())),
        size: size(bytes.len() as u64),
        cut: (left_out > 0).then(|| format!("{} before this: ask for more with last_kib", size(left_out as u64))),
        output: shown.to_owned(),
    })
}

/// The last whole lines that fit.
fn tail(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut from = text.len() - most;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = text.get(from..).unwrap_or_default();
    // One line alone that is longer is cut inside.
    match end.split_once('\n') {
        Some((_, lines)) if !lines.is_empty() => lines,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_begins_with_a_whole_line() {
        assert_eq!(tail("one\ntwo\nthree\n", 10), "three\n");
        assert_eq!(tail("one\ntwo\n", 100), "one\ntwo\n");
        assert_eq!(tail("größe", 4), "ße");
        assert_eq!(tail("aaaaaaaa\n", 4), "aaa\n");
    }
}
