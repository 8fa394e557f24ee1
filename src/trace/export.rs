//! From settings to a provider that exports over OTLP/HTTP, in the background and from a bounded queue.

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::{ResourceDetector as _, TelemetryResourceDetector},
    trace::{BatchSpanProcessor, SdkTracerProvider},
};

use crate::config::{ConfigError, TracesConfig};

/// How long one export may take before its spans are given up.
const EXPORT: Duration = Duration::from_secs(10);

/// A provider that exports to `endpoint` through `client`.
///
/// # Errors
/// A wrong sampler, or another setting that the exporter does not take.
pub fn provider(
    config: &TracesConfig,
    endpoint: &str,
    client: Arc<dyn HttpClient>,
) -> Result<SdkTracerProvider, ConfigError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_shared_http_client(client)
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT)
        .build();
    let exporter = exporter.map_err(|e| ConfigError::wrong("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, e.to_string()))?;
    Ok(SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).build())
        .with_sampler(config.sampler()?)
        .with_resource(resource(config))
        .build())
}

/// Who exports: the service's name and version, what the settings add, and the SDK.
fn resource(config: &TracesConfig) -> Resource {
    let own = [
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
    ];
    let told = config
        .resource()
        .into_iter()
        .map(|(key, value)| KeyValue::new(key, value));
    let resource = Resource::builder_empty()
        .with_attributes(
            TelemetryResourceDetector
                .detect()
                .iter()
                .map(|(k, v)| KeyValue::new(k.clone(), v.clone())),
        )
        .with_attributes(own)
        .with_attributes(told);
    match &config.otel_service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}
