//! Traces: the span of each request, if spans are exported, and the trace context of the events that it creates.

use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use eventpipeline_database::TraceParent;
use eventpipeline_service::{Caller, KeyValue, Span, Tracer};

const TRACEPARENT: &str = "traceparent";

/// The clients whose `traceparent` headers are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// All clients. Their requests and events join their traces, and are sampled if these are.
    Everyone,
    /// No clients. Their requests are traces of their own, whose spans link to the clients' traces.
    NoOne,
}

/// Starts the span of a request, and makes it the trace context of the request's events.
pub(super) fn begin(
    tracer: &Tracer,
    trust: Trust,
    request: &mut Request,
    method: &'static str,
    route: Option<&MatchedPath>,
) -> Option<Span> {
    let traceparent = header(request.headers());
    if trust == Trust::NoOne {
        // Removed, so that no handler sees it.
        request.headers_mut().remove(TRACEPARENT);
    }
    if !tracer.is_on() {
        return None;
    }
    let route = route.map(MatchedPath::as_str);
    let name = || route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let attributes = || {
        let route = route.map(|route| KeyValue::new("http.route", route.to_owned()));
        let method = KeyValue::new("http.request.method", method);
        route
            .into_iter()
            .chain([method, KeyValue::new("url.path", request.uri().path().to_owned())])
            .collect()
    };
    let traceparent = traceparent.as_ref().map(TraceParent::as_str);
    let caller = match trust {
        Trust::Everyone => Caller::Trusted(traceparent),
        Trust::NoOne => Caller::Stranger(traceparent),
    };
    let span = tracer.serve(name, caller, attributes)?;
    if let Some(trace) = TraceParent::new(&span.traceparent()) {
        request.extensions_mut().insert(trace);
    }
    Some(span)
}

/// Ends the span of a request with the status of its response.
pub(super) fn end(mut span: Span, status: StatusCode) {
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.failed(status.as_str().to_owned());
    }
}

/// Returns the trace context for the events of a request: its span, or the context of a trusted client.
pub(super) fn context(parts: &Parts) -> Option<TraceParent> {
    parts.extensions.get().copied().or_else(|| header(&parts.headers))
}

/// Returns the client's trace context. Repeated headers are ignored.
fn header(headers: &HeaderMap) -> Option<TraceParent> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let line = lines.next()?.to_str().ok()?;
    if lines.next().is_some() { None } else { TraceParent::new(line.trim()) }
}
