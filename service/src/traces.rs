//! Traces: spans that are exported by OTLP. They are disabled, at no cost, unless OpenTelemetry's variables
//! name an endpoint.
//!
//! A thread exports the spans from a bounded queue. Spans that find the queue full are dropped, so no task
//! ever waits.

mod settings;

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{info, warn};

use crate::args::LogArgs;

/// Maximum time that the end of a process waits for the export of the last spans.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The exporter of a process's spans.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Starts the exporter if the environment names an endpoint. Errors are logged and disable the spans.
    pub(crate) fn from_environment(program: &'static str, args: &LogArgs) -> Self {
        // The endpoint is not logged: it may contain a password.
        let provider = settings::endpoint().and_then(|variable| match provider(program, args) {
            Ok(provider) => {
                info!("exporting spans to {variable}");
                Some(provider)
            }
            Err(error) => {
                warn!(%error, "failed to set up the export of spans; they are disabled");
                None
            }
        });
        Self { provider }
    }

    pub(crate) fn tracer(&self) -> Tracer {
        Tracer(self.provider.as_ref().map(|provider| provider.tracer("eventpipeline")))
    }

    /// Exports the remaining spans, within a few seconds.
    pub(crate) fn end(self) {
        let ended = self.provider.map(|provider| provider.shutdown_with_timeout(LAST_SPANS));
        if let Some(Err(error)) = ended {
            warn!(%error, "failed to export all spans");
        }
    }
}

fn provider(program: &'static str, args: &LogArgs) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let resource = settings::resource(program, args);
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Starts spans. Clones share the exporter.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<SdkTracer>);

impl Tracer {
    /// Returns whether spans are exported at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Starts the span of a request that is served; `None` if it is not recorded.
    pub fn serve(
        &self,
        name: impl FnOnce() -> String,
        caller: Caller<'_>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Option<Span> {
        let tracer = self.0.as_ref()?;
        let builder = tracer.span_builder(name()).with_kind(SpanKind::Server).with_attributes(attributes());
        let (builder, context) = match caller {
            Caller::Trusted(traceparent) => {
                let caller = traceparent.and_then(parse);
                let remote = |caller| Context::new().with_remote_span_context(caller);
                (builder, caller.map_or_else(Context::new, remote))
            }
            Caller::Stranger(traceparent) => {
                let links = traceparent.and_then(parse).into_iter().map(Link::with_context).collect();
                (builder.with_links(links), Context::new())
            }
        };
        Span::recorded(builder.start_with_context(tracer, &context))
    }

    /// Starts the span of a message that is processed: a new trace with a link to the span that created the
    /// message. `None` if it is not recorded, as when that span was not.
    pub fn process(
        &self,
        name: &'static str,
        traceparent: Option<&str>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Option<Span> {
        let tracer = self.0.as_ref()?;
        let creation = traceparent.and_then(parse);
        if creation.as_ref().is_some_and(|creation| !creation.is_sampled()) {
            return None;
        }
        let builder = tracer
            .span_builder(name)
            .with_kind(SpanKind::Consumer)
            .with_attributes(attributes())
            .with_links(creation.into_iter().map(Link::with_context).collect());
        Span::recorded(builder.start_with_context(tracer, &Context::new()))
    }
}

/// The W3C `traceparent` of a request's client.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// A client whose trace the request continues. It is recorded if that trace is.
    Trusted(Option<&'a str>),
    /// A client that cannot decide what is recorded. The request is a new trace with a link to the client's.
    Stranger(Option<&'a str>),
}

/// A span that is recorded until it is dropped. It is boxed, because waiting requests should be small.
#[derive(Debug)]
pub struct Span(Box<opentelemetry_sdk::trace::Span>);

impl Span {
    fn recorded(span: opentelemetry_sdk::trace::Span) -> Option<Self> {
        span.is_recording().then(|| Self(Box::new(span)))
    }

    /// Adds an attribute.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Marks the span as failed, with one of few kinds of failures.
    pub fn failed(&mut self, kind: impl Into<Cow<'static, str>>) {
        self.set("error.type", Value::String(kind.into().into()));
        self.0.set_status(Status::error(""));
    }

    /// Returns the W3C `traceparent` for spans that continue this one.
    pub fn traceparent(&self) -> String {
        let context = self.0.span_context();
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id())
    }
}

/// Parses a W3C `traceparent`.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler};

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn tracer() -> (Tracer, InMemorySpanExporter) {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_simple_exporter(exporter.clone())
            .build();
        (Tracer(Some(provider.tracer("test"))), exporter)
    }

    #[test]
    fn a_request_continues_the_trace_of_a_trusted_caller() {
        let (tracer, exporter) = tracer();
        let span = tracer.serve(|| "GET /".to_owned(), Caller::Trusted(Some(SAMPLED)), Vec::new).unwrap();
        assert!(
            span.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
            "{}",
            span.traceparent()
        );
        assert!(span.traceparent().ends_with("-01"));
        drop(span);
        assert_eq!(exporter.get_finished_spans().unwrap()[0].parent_span_id.to_string(), "00f067aa0ba902b7");
        assert!(tracer.serve(|| "GET /".to_owned(), Caller::Trusted(Some(NOT_SAMPLED)), Vec::new).is_none());
        assert!(tracer.serve(|| "GET /".to_owned(), Caller::Trusted(Some("nonsense")), Vec::new).is_some());
        assert!(
            Tracer::default()
                .serve(|| "GET /".to_owned(), Caller::Trusted(Some(SAMPLED)), Vec::new)
                .is_none()
        );
    }

    #[test]
    fn a_stranger_decides_neither_the_trace_nor_its_recording() {
        let (tracer, exporter) = tracer();
        drop(tracer.serve(|| "GET /".to_owned(), Caller::Stranger(Some(NOT_SAMPLED)), Vec::new).unwrap());
        let span = &exporter.get_finished_spans().unwrap()[0];
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_eq!(span.links[0].span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(span.span_context.trace_id(), span.links[0].span_context.trace_id());
    }

    #[test]
    fn a_message_is_processed_in_a_new_trace_with_a_link_to_its_creation() {
        let (tracer, exporter) = tracer();
        let mut span = tracer.process("process events", Some(SAMPLED), Vec::new).unwrap();
        span.failed("timeout");
        drop(span);
        let span = &exporter.get_finished_spans().unwrap()[0];
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_eq!(span.links[0].span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(span.span_context.trace_id(), span.links[0].span_context.trace_id());
        assert!(matches!(span.status, Status::Error { .. }));
        assert!(tracer.process("process events", Some(NOT_SAMPLED), Vec::new).is_none());
        assert!(tracer.process("process events", None, Vec::new).is_some());
    }
}
