//! What is logged, and in which shape.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Level and format of the log, which goes to standard error.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogConfig {
    /// What is logged: a level, or directives such as `info,aws_ops_mcp::http=debug`; without it info for servers, error for `proxy ENDPOINT`, warn for commands
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", global = true, value_parser = directives)]
    pub log_level: Option<String>,

    /// `pretty` for people, `json` for machines, `auto`: pretty on a terminal
    #[arg(
        long,
        env = "LOG_FORMAT",
        default_value = "auto",
        value_name = "FORMAT",
        global = true
    )]
    pub log_format: LogFormat,
}

/// The log's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Python's names of levels, which mcp-proxy-for-aws is used with.
fn level(part: &str) -> &str {
    match part.to_ascii_uppercase().as_str() {
        "WARNING" => "warn",
        "CRITICAL" => "error",
        _ => part,
    }
}

/// Checks the directives when they are read, so that a typo stops the start instead of silencing the log.
fn directives(text: &str) -> Result<String, String> {
    // A word alone would be taken for a target, and a mistyped level would then silence everything.
    let typo = |part: &str| !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err();
    let text = text
        .split(',')
        .map(|part| level(part.trim()))
        .collect::<Vec<_>>()
        .join(",");
    let parsed = EnvFilter::builder()
        .parse(&text)
        .ok()
        .filter(|_| !text.split(',').any(typo));
    parsed.map(|_| text).ok_or_else(|| {
        "expected off, error, warn, info, debug, trace or directives such as info,aws_ops_mcp=debug".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn levels_and_directives_pass_and_typos_do_not() {
        for right in [
            "info",
            "OFF",
            "info,aws_ops_mcp::http=debug",
            "warn,aws_ops_mcp=trace",
            "aws_ops_mcp[http{caller}]=debug",
        ] {
            assert!(directives(right).is_ok(), "{right}");
        }
        assert_eq!(directives("CRITICAL").as_deref(), Ok("error"));
        assert_eq!(
            directives("Warning,aws_ops_mcp=debug").as_deref(),
            Ok("warn,aws_ops_mcp=debug")
        );
        assert_eq!(directives("DEBUG").as_deref(), Ok("DEBUG"));
        for wrong in ["lots", "inof", "info,debgu", "aws_ops_mcp=lots"] {
            assert!(directives(wrong).unwrap_err().contains("directives such as"), "{wrong}");
        }
    }
}
