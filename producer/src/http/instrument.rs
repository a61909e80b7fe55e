//! A layer around the routes that measures and traces requests, and adds the common headers to their responses.
//!
//! The future is written by hand to keep waiting requests small: middleware from an async function would keep the request and
//! several boxes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use eventpipeline_service::Span;
use tower::{Layer, Service};

use super::metrics::ActiveRequest;
use super::state::Shared;
use super::trace::{self, Trust};
use super::{cors, headers};

/// The layer that measures and traces requests.
#[derive(Debug, Clone)]
pub(super) struct InstrumentLayer {
    pub(super) api: Shared,
    pub(super) trust: Trust,
}

impl<S> Layer<S> for InstrumentLayer {
    type Service = Instrumented<S>;

    fn layer(&self, inner: S) -> Instrumented<S> {
        Instrumented { inner, api: Arc::clone(&self.api), trust: self.trust }
    }
}

/// A service with the layer.
#[derive(Debug, Clone)]
pub(super) struct Instrumented<S> {
    inner: S,
    api: Shared,
    trust: Trust,
}

impl<S> Service<Request> for Instrumented<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
    S::Future: Unpin,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

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
        ResponseFuture { api, begun, method, route, open, active, span, routed }
    }
}

/// A response that is not ready yet.
#[derive(Debug)]
pub(super) struct ResponseFuture<F> {
    api: Shared,
    begun: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    /// `true` if web pages of any origin may read the response.
    open: bool,
    active: Option<ActiveRequest>,
    span: Option<Span>,
    /// `None` for a preflight request.
    routed: Option<F>,
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, Infallible>> + Unpin,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match &mut self.routed {
            Some(routed) => {
                let Ok(response) = ready!(Pin::new(routed).poll(cx));
                response.into_response()
            }
            None => cors::preflight(),
        };
        self.active = None;
        let route = self.route.as_ref().map_or("", MatchedPath::as_str);
        self.api.metrics.responded(self.method, route, response.status().as_u16(), self.begun.elapsed());
        if let Some(span) = self.span.take() {
            trace::end(span, response.status());
        }
        let headers = response.headers_mut();
        if self.open && self.routed.is_some() {
            cors::allow(headers);
        }
        headers::add_common(headers, &self.api.served_by);
        Poll::Ready(Ok(response))
    }
}
