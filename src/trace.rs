//! Spans by OpenTelemetry: request → tool → target → AWS call. Without an endpoint to export to there are none, and they cost nothing.
//!
//! A span holds names and codes, never an argument, a result or a token: whoever reads the traces is not whoever may read the secrets.

pub mod export;
mod span;

use std::{collections::HashMap, sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider as _},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};

pub use opentelemetry::{Context, trace::SpanKind};
pub use span::Span;

/// How long the last spans may take to be sent when the process ends.
const LAST_EXPORT: Duration = Duration::from_secs(2);
/// The headers and `_meta` keys of W3C's trace context.
pub const FIELDS: [&str; 2] = ["traceparent", "tracestate"];

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Keeps the export going. Its end sends what is left.
pub struct Exporting(SdkTracerProvider);

/// Begins to record spans, which `provider` exports.
pub fn start(provider: SdkTracerProvider) -> Exporting {
    // Whoever started it first goes on.
    let _ = TRACER.set(provider.tracer(env!("CARGO_PKG_NAME")));
    Exporting(provider)
}

impl Exporting {
    /// Sends what is left, for two seconds at most.
    pub async fn end(self) {
        let provider = self.0;
        // It blocks its thread, and the sending wants the runtime's others.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = ?error.to_string(), "the last spans were not sent"),
            Err(error) => tracing::debug!(%error, "the last spans were not sent"),
        }
    }
}

/// The context that a client sent, of two texts under [`FIELDS`]' names; `None` without a valid one.
pub fn remote<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Context> {
    TRACER.get()?;
    let fields: HashMap<String, String> = FIELDS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), get(name)?.to_owned())))
        .collect();
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &fields);
    context.span().span_context().is_valid().then_some(context)
}

/// What names the current span to a server that is asked on its behalf; empty without one.
pub fn outgoing() -> HashMap<String, String> {
    let mut fields = HashMap::new();
    if TRACER.get().is_some() && Context::current().has_active_span() {
        TraceContextPropagator::new().inject_context(&Context::current(), &mut fields);
        fields.retain(|_, value| !value.is_empty());
    }
    fields
}

/// An attribute. `value` is a name, a code or a number.
pub fn attribute(key: &'static str, value: impl Into<opentelemetry::Value>) -> KeyValue {
    KeyValue::new(key, value)
}
