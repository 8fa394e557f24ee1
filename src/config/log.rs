//! What is logged, and in which shape.

/// Level and format of the log, which goes to standard error.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogConfig {
    /// What is logged: a level, or directives such as `info,aws_ops_mcp=debug`
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL", global = true, value_parser = directives)]
    pub log_level: String,

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

/// Checks the directives when they are read, so that a typo stops the start instead of silencing the log.
fn directives(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|_| {
            "expected off, error, warn, info, debug, trace or directives such as info,aws_ops_mcp=debug".to_owned()
        })
}
