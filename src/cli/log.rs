//! Logs to standard error: pretty on a terminal, one JSON object a line otherwise.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    fmt::layer,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};

/// Starts the log, at the level `otherwise` unless the configuration names one.
///
/// # Errors
/// A log that was started already.
pub(super) fn start(config: &LogConfig, otherwise: &str) -> Result<()> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(config.log_level.as_deref().unwrap_or(otherwise))
        .context("LOG_LEVEL")?
        .and(filter_fn(may_be_logged));
    let terminal = std::io::stderr().is_terminal();
    let pretty = match config.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let output: Box<dyn Layer<Registry> + Send + Sync> = if pretty {
        layer()
            .with_writer(std::io::stderr)
            .with_ansi(terminal)
            .with_target(false)
            .boxed()
    } else {
        layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed()
    };
    tracing_subscriber::registry()
        .with(output.with_filter(filter))
        .try_init()
        .context("the log was started twice")?;
    std::panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// The default hook prints the panic's message, which may quote data, and breaks the log's one event a line.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panic");
}

/// Other crates' events quote requests and answers whole, secrets included, so no level lets any but their errors through.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"));
    // What rmcp's client meets is told to who asked, in words that say what to do.
    let told = ["rmcp::transport::worker", "rmcp::transport::streamable_http_client"].contains(&metadata.target());
    ours || (*metadata.level() <= Level::ERROR && !told)
}
