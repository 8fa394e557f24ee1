//! An OpenTelemetry collector that keeps what it is sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::to_bytes, extract::Request};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, status::StatusCode},
};
use prost::Message as _;
use tokio::net::TcpListener;

/// What came: the exports as they were, and their headers.
type Exports = Arc<Mutex<Vec<(http::request::Parts, ExportTraceServiceRequest)>>>;

/// The collector, listening.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    exports: Exports,
}

/// The spans of one trace or of all.
pub(crate) struct Spans(pub(crate) Vec<Span>);

impl Collector {
    pub(crate) async fn start() -> Self {
        let exports = Exports::default();
        let kept = exports.clone();
        let take = move |request: Request| async move {
            let (parts, body) = request.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            let export = ExportTraceServiceRequest::decode(bytes).unwrap();
            kept.lock().unwrap().push((parts, export));
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
        Self { endpoint, exports }
    }

    /// Everything that came, as text: for what must not be in it.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.exports.lock().unwrap())
    }

    /// The path and one header of each export.
    pub(crate) fn headers(&self, name: &str) -> Vec<(String, String)> {
        let exports = self.exports.lock().unwrap();
        let of = |parts: &http::request::Parts| {
            let value = parts
                .headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            (parts.uri.path().to_owned(), value.to_owned())
        };
        exports.iter().map(|(parts, _)| of(parts)).collect()
    }

    /// What the exports say of their service.
    pub(crate) fn resource(&self) -> BTreeMap<String, String> {
        let exports = self.exports.lock().unwrap();
        let resources = exports.iter().flat_map(|(_, export)| &export.resource_spans);
        resources
            .filter_map(|r| r.resource.as_ref())
            .flat_map(|r| texts(&r.attributes))
            .collect()
    }

    pub(crate) fn spans(&self) -> Spans {
        let exports = self.exports.lock().unwrap();
        let scopes = exports
            .iter()
            .flat_map(|(_, e)| &e.resource_spans)
            .flat_map(|r| &r.scope_spans);
        Spans(scopes.flat_map(|s| s.spans.clone()).collect())
    }
}

impl Spans {
    /// Those below `parent`, by name.
    pub(crate) fn below(&self, parent: &Span) -> Vec<&Span> {
        let mut found: Vec<&Span> = self.0.iter().filter(|s| s.parent_span_id == parent.span_id).collect();
        assert!(found.iter().all(|s| s.trace_id == parent.trace_id), "{found:?}");
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Those of this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|s| s.name == name).collect()
    }

    /// The one of this name.
    pub(crate) fn one(&self, name: &str) -> &Span {
        let found = self.named(name);
        let names: Vec<&str> = self.0.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(found.len(), 1, "{name} among {names:?}");
        found[0]
    }
}

/// A span's attributes as text.
pub(crate) fn attributes(span: &Span) -> BTreeMap<String, String> {
    texts(&span.attributes)
}

/// Whether it says that it failed.
pub(crate) fn failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|s| s.code() == StatusCode::Error)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<Value>| match value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |kv: &KeyValue| (kv.key.clone(), text(&kv.value.clone().and_then(|v| v.value)));
    attributes.iter().map(pair).collect()
}
