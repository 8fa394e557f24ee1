//! One span, or nothing where nobody traces.

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use tracing::Instrument as _;

use super::TRACER;

/// A span that was begun. It ends with [`Span::around`]'s work, or when the last of its clones is dropped.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Context>);

/// Marks a span whose work was dropped before its end: by a deadline, or because the client has gone.
struct Abandoned<'a>(Option<&'a Span>);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.0 {
            span.fail("abandoned");
            span.end();
        }
    }
}

impl Span {
    /// None at all.
    pub const NONE: Self = Self(None);

    /// A span below `parent`, or one without a parent.
    pub fn begin(
        name: impl FnOnce() -> String,
        kind: SpanKind,
        parent: Option<&Context>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Self {
        let Some(tracer) = TRACER.get() else {
            return Self::NONE;
        };
        let none = Context::new();
        let parent = parent.unwrap_or(&none);
        let builder = tracer
            .span_builder(name())
            .with_kind(kind)
            .with_attributes(attributes());
        Self(Some(parent.with_span(tracer.build_with_context(builder, parent))))
    }

    /// A span below the one that the current work belongs to; none where there is none, so that nothing begins a trace by itself.
    pub fn below(name: impl FnOnce() -> String, kind: SpanKind, attributes: impl FnOnce() -> Vec<KeyValue>) -> Self {
        if TRACER.get().is_none() || !Context::current().has_active_span() {
            return Self::NONE;
        }
        Self::begin(name, kind, Some(&Context::current()), attributes)
    }

    /// What spans below it name as their parent.
    pub fn context(&self) -> Option<&Context> {
        self.0.as_ref()
    }

    /// Points to another span, which led to this one without being its parent.
    pub fn link(&self, other: &Self) {
        if let (Some(own), Some(other)) = (&self.0, &other.0) {
            own.span().add_link(other.span().span_context().clone(), Vec::new());
        }
    }

    /// Sets an attribute. The value is a name, a code or a number.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Says that its work failed, and with which code.
    pub fn fail(&self, code: &str) {
        if let Some(context) = &self.0 {
            context
                .span()
                .set_attribute(KeyValue::new("error.type", code.to_owned()));
            context.span().set_status(Status::error(""));
        }
    }

    /// Ends it; what is set later is lost.
    pub fn end(&self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }

    /// The ids of its trace and of itself, as the log shows them.
    pub fn ids(&self) -> Option<(String, String)> {
        let context = self.0.as_ref()?.span().span_context().clone();
        Some((context.trace_id().to_string(), context.span_id().to_string()))
    }

    /// Does `work` inside this span; `conclude` says how it ended. Spans begun in it are below this one.
    pub fn within<'a, T>(
        &'a self,
        work: impl Future<Output = T> + 'a,
        conclude: impl FnOnce(&Self, &T) + 'a,
    ) -> impl Future<Output = T> + 'a {
        // On the heap, once: each layer of an async function around it would hold it twice, and a stack is soon too small.
        let work = Box::pin(work);
        async move {
            let Some(context) = &self.0 else {
                return work.await;
            };
            let mut abandoned = Abandoned(Some(self));
            let output = work.with_context(context.clone()).await;
            abandoned.0 = None;
            conclude(self, &output);
            self.end();
            output
        }
    }

    /// The same, and what is logged meanwhile carries the ids.
    pub fn around<'a, T>(
        &'a self,
        work: impl Future<Output = T> + 'a,
        conclude: impl FnOnce(&Self, &T) + 'a,
    ) -> impl Future<Output = T> + 'a {
        let ids = self.ids().map_or_else(tracing::Span::none, |(trace_id, span_id)| {
            // An error's level, so that the ids are there whatever level is logged.
            tracing::error_span!("trace", trace_id, span_id)
        });
        self.within(work.instrument(ids), conclude)
    }
}
