//! Which tools there are for callers.

use clap::ArgAction;

/// The filters. What they hide is refused as well.
///
/// `TOOLSETS` and `TOOLS` choose, and add to each other; where neither is set, the default toolsets are. `EXCLUDE_TOOLS` and
/// `READ_ONLY` then take away, whatever was chosen. The names are checked where the tools are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Tools")]
pub struct ToolsConfig {
    /// Only the tools of these services, such as secrets,route53, and those that TOOLS names. `all`: every one; `default`: those that there are where neither is set
    #[arg(long, env = "TOOLSETS", value_delimiter = ',', value_name = "NAME,…")]
    pub toolsets: Vec<String>,

    /// Only these tools, and those of TOOLSETS if that is set
    #[arg(long, env = "TOOLS", value_delimiter = ',', value_name = "NAME,…")]
    pub tools: Vec<String>,

    /// None of these tools, whatever else is set
    #[arg(long, env = "EXCLUDE_TOOLS", value_delimiter = ',', value_name = "NAME,…")]
    pub exclude_tools: Vec<String>,

    /// Only tools that change nothing and reveal no secret, whatever else is set
    #[arg(long, env = "READ_ONLY", value_name = "true|false", value_parser = yes_no, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub read_only: bool,
}

impl ToolsConfig {
    /// The same, but with every tool where none are chosen: for the shell, where a tool costs no model's context.
    #[must_use]
    pub fn or_all(&self) -> Self {
        let mut all = self.clone();
        if all.toolsets.is_empty() && all.tools.is_empty() {
            all.toolsets.push("all".to_owned());
        }
        all
    }
}

fn yes_no(text: &str) -> Result<bool, String> {
    match text {
        "true" | "on" => Ok(true),
        "false" | "off" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env;

    #[derive(Debug, clap::Parser)]
    struct Probe {
        #[command(flatten)]
        tools: ToolsConfig,
    }

    fn parse(args: &[&str]) -> Result<ToolsConfig, String> {
        let args = std::iter::once("probe").chain(args.iter().copied()).map(Into::into);
        env::parse::<Probe>(args).map(|p| p.tools).map_err(|e| e.to_string())
    }

    #[test]
    fn read_only_is_a_switch_that_can_be_spelled_out() {
        assert!(!parse(&[]).unwrap().read_only);
        assert!(parse(&["--read-only"]).unwrap().read_only);
        assert!(!parse(&["--read-only=false"]).unwrap().read_only);
        let said = parse(&["--read-only=maybe"]).unwrap_err();
        assert_eq!(
            said,
            "READ_ONLY (--read-only): wrong value `maybe`: expected `true` or `false`"
        );
    }
}
