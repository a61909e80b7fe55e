//! The traces of requests: the span of each, where spans are sent somewhere, and the context that its events are created in.

use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use eventpipeline_database::TraceParent;
use eventpipeline_service::{Caller, KeyValue, Span, Tracer};

const TRACEPARENT: &str = "traceparent";

/// Whose `traceparent` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Every client's: its requests and their events are part of its trace, and recorded if that is.
    Everybody,
    /// Nobody's: requests are traces of their own, with a link to the client's where there are spans.
    Nobody,
}

/// The span of a request. What the request makes is told to be made in it.
pub(super) fn begin(
    tracer: &Tracer,
    trust: Trust,
    request: &mut Request,
    method: &'static str,
    route: Option<&MatchedPath>,
) -> Option<Span> {
    let traceparent = header(request.headers());
    if trust == Trust::Nobody {
        // Nothing behind this sees it.
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
        Trust::Everybody => Caller::Trusted(traceparent),
        Trust::Nobody => Caller::Stranger(traceparent),
    };
    let span = tracer.serve(name, caller, attributes)?;
    if let Some(trace) = TraceParent::new(&span.traceparent()) {
        request.extensions_mut().insert(trace);
    }
    Some(span)
}

/// How the request was answered.
pub(super) fn end(mut span: Span, status: StatusCode) {
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.failed(status.as_str().to_owned());
    }
}

/// The context that a request creates events in: its span, or that of a client that is trusted.
pub(super) fn context(parts: &Parts) -> Option<TraceParent> {
    parts.extensions.get().copied().or_else(|| header(&parts.headers))
}

/// That of the client; two that differ are none.
fn header(headers: &HeaderMap) -> Option<TraceParent> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let line = lines.next()?.to_str().ok()?;
    if lines.next().is_some() { None } else { TraceParent::new(line.trim()) }
}
