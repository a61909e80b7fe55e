//! Traces: spans that are sent to a collector by OTLP, where the variables of OpenTelemetry name one. Else there are none, and
//! they cost nothing.
//!
//! Spans wait in a bounded queue and a thread of its own sends them: what finds the queue full is dropped, and nobody waits.

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

/// How long the end of a process may wait for the last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The spans of a process, and who sends them.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Sends spans where the environment says where to. What is wrong with it is logged; the process goes on without.
    pub(crate) fn from_environment(program: &'static str, args: &LogArgs) -> Self {
        // Not where to: an address may have a password in it.
        let provider = settings::endpoint().and_then(|variable| match provider(program, args) {
            Ok(provider) => {
                info!("spans are sent where {variable} says");
                Some(provider)
            }
            Err(error) => {
                warn!(%error, "failed to set up the sending of spans; there are none");
                None
            }
        });
        Self { provider }
    }

    pub(crate) fn tracer(&self) -> Tracer {
        Tracer(self.provider.as_ref().map(|provider| provider.tracer("eventpipeline")))
    }

    /// Sends what is left, within a few seconds.
    pub(crate) fn end(self) {
        let ended = self.provider.map(|provider| provider.shutdown_with_timeout(LAST_SPANS));
        if let Some(Err(error)) = ended {
            warn!(%error, "not all spans were sent");
        }
    }
}

fn provider(program: &'static str, args: &LogArgs) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let resource = settings::resource(program, args);
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Begins spans. Clones share where they go.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<SdkTracer>);

impl Tracer {
    /// Whether spans are sent at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The span of a request that is served. `None` where it is not recorded.
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

    /// The span of a message that is processed: a trace of its own with a link to that which made the message. `None` where it
    /// is not recorded, as where that is not.
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
    /// The request is part of the client's trace, and recorded if that is.
    Trusted(Option<&'a str>),
    /// The request is a trace of its own with a link to the client's, which decides nothing.
    Stranger(Option<&'a str>),
}

/// A span that is recorded until it is dropped. In a box, because what waits with it should be small.
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

    /// It failed, and how: one of few kinds.
    pub fn failed(&mut self, kind: impl Into<Cow<'static, str>>) {
        self.set("error.type", Value::String(kind.into().into()));
        self.0.set_status(Status::error(""));
    }

    /// The span as others name it that come from it: a W3C `traceparent`.
    pub fn traceparent(&self) -> String {
        let context = self.0.span_context();
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id())
    }
}

/// The context that a W3C `traceparent` names.
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
    fn a_request_is_part_of_its_callers_trace() {
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
    fn a_stranger_decides_neither_the_trace_nor_whether_it_is_recorded() {
        let (tracer, exporter) = tracer();
        drop(tracer.serve(|| "GET /".to_owned(), Caller::Stranger(Some(NOT_SAMPLED)), Vec::new).unwrap());
        let span = &exporter.get_finished_spans().unwrap()[0];
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_eq!(span.links[0].span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(span.span_context.trace_id(), span.links[0].span_context.trace_id());
    }

    #[test]
    fn a_message_is_processed_in_a_trace_with_a_link_to_its_creation() {
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
