//! Counts and times every request to the API server, including watches, under client-go's metric names.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use eventpipeline_service::{MetricFactory, registered};
use http::Method;
use kube::client::Body;
use prometheus::{HistogramVec, IntCounterVec, Opts, Registry};
use tower::{Layer, Service};

/// Methods with the status code of success.
const EXPECTED: [(&str, &str); 5] =
    [("DELETE", "200"), ("GET", "200"), ("PATCH", "200"), ("POST", "201"), ("PUT", "200")];
/// Value of the label `code` for requests without a response, as in client-go.
const NO_ANSWER: &str = "<error>";
/// Buckets of client-go, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// A layer that records the requests of a client.
#[derive(Clone)]
pub(crate) struct ClientMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
}

impl ClientMetrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let options = Opts::new(
            "rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code and method.",
        );
        let requests = registered(registry, IntCounterVec::new(options, &["method", "code"]))?;
        for (method, code) in EXPECTED {
            let _ = (
                requests.with_label_values(&[method, code]),
                requests.with_label_values(&[method, NO_ANSWER]),
            );
        }
        let durations = MetricFactory(registry).histograms(
            "rest_client_request_duration_seconds",
            "Request latency in seconds, until the response headers arrive. Broken down by verb.",
            ("verb", &EXPECTED.map(|(method, _)| method)),
            &SECONDS,
        )?;
        Ok(Self { requests, durations })
    }

    fn record(&self, method: &'static str, code: &str, started: Instant) {
        self.requests.with_label_values(&[method, code]).inc();
        self.durations.with_label_values(&[method]).observe(started.elapsed().as_secs_f64());
    }
}

/// Returns the label value of a method.
fn name(method: &Method) -> &'static str {
    EXPECTED.iter().map(|(name, _)| *name).find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}

impl<S> Layer<S> for ClientMetrics {
    type Service = MeteredClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeteredClient { inner, metrics: self.clone() }
    }
}

/// A client whose requests are recorded.
#[derive(Clone)]
pub(crate) struct MeteredClient<S> {
    inner: S,
    metrics: ClientMetrics,
}

type Request = http::Request<Body>;

impl<S, B> Service<Request> for MeteredClient<S>
where
    S: Service<Request, Response = http::Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (method, started) = (name(request.method()), Instant::now());
        let metrics = self.metrics.clone();
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await;
            let status = response.as_ref().ok().map(http::Response::status);
            let code = status.as_ref().map_or(NO_ANSWER, http::StatusCode::as_str);
            metrics.record(method, code, started);
            response
        })
    }
}
