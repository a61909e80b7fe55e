//! What every answer carries, and how long it took: a service around the routes.
//!
//! Written out, because a waiting request costs what is kept for it meanwhile, and middleware made of an asynchronous function
//! keeps the request and several boxes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use eventpipeline_service::Span;
use tower::{Layer, Service};

use crate::api::{SERVED_BY, SERVICE_LANGUAGE, Shared, Trust, cors, trace};
use crate::metrics::ActiveRequest;

/// Measures each request, and marks its answer.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) api: Shared,
    /// Whose trace contexts are taken.
    pub(super) trust: Trust,
}

impl<S> Layer<S> for Mark {
    type Service = Marked<S>;

    fn layer(&self, inner: S) -> Marked<S> {
        Marked { inner, api: Arc::clone(&self.api), trust: self.trust }
    }
}

/// What [`Mark`] makes of a service.
#[derive(Debug, Clone)]
pub(super) struct Marked<S> {
    inner: S,
    api: Shared,
    trust: Trust,
}

impl<S> Service<Request> for Marked<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
    S::Future: Unpin,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Marking<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::DELETE => "DELETE",
            _ => "_OTHER",
        };
        let active = Some(self.api.metrics.active_request());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let span = trace::begin(&self.api.tracer, self.trust, &mut request, method, route.as_ref());
        let (api, begun) = (Arc::clone(&self.api), Instant::now());
        let open = cors::is_open(route.as_ref().map(MatchedPath::as_str));
        let preflight = open && *request.method() == Method::OPTIONS;
        let routed = (!preflight).then(|| self.inner.call(request));
        Marking { api, begun, method, route, open, active, span, routed }
    }
}

/// A request that is measured, until its answer is there.
#[derive(Debug)]
pub(super) struct Marking<F> {
    api: Shared,
    begun: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    /// Whether pages of any origin may read the answer.
    open: bool,
    active: Option<ActiveRequest>,
    span: Option<Span>,
    /// None where a browser asks only what it may do.
    routed: Option<F>,
}

impl<F, R> Future for Marking<F>
where
    F: Future<Output = Result<R, Infallible>> + Unpin,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match &mut self.routed {
            Some(routed) => {
                let Ok(answer) = ready!(Pin::new(routed).poll(cx));
                answer.into_response()
            }
            None => cors::preflight(),
        };
        self.active = None;
        let route = self.route.as_ref().map_or("", MatchedPath::as_str);
        self.api.metrics.answered(self.method, route, response.status().as_u16(), self.begun.elapsed());
        if let Some(span) = self.span.take() {
            trace::end(span, response.status());
        }
        let headers = response.headers_mut();
        if self.open && self.routed.is_some() {
            cors::allow(headers);
        }
        mark(headers, &self.api.served_by);
        Poll::Ready(Ok(response))
    }
}

/// Adds the headers of every answer.
pub(super) fn mark(headers: &mut HeaderMap, served_by: &HeaderValue) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SERVED_BY, served_by.clone());
    headers.insert(SERVICE_LANGUAGE, HeaderValue::from_static("rust"));
}
