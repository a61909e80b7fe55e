//! Counts and times every request to the API server, watches among them, under client-go's names.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use eventpipeline_service::{MetricFactory, registered};
use http::Method;
use kube::client::Body;
use prometheus::{HistogramVec, IntCounterVec, Opts, Registry};
use tower::{Layer, Service};

/// What is asked for, and what is answered where all is well.
const EXPECTED: [(&str, &str); 5] =
    [("DELETE", "200"), ("GET", "200"), ("PATCH", "200"), ("POST", "201"), ("PUT", "200")];
/// Instead of a status, where there is no answer.
const NO_ANSWER: &str = "<error>";
/// As client-go's, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// Makes clients that count.
#[derive(Clone)]
pub(crate) struct Counted {
    requests: IntCounterVec,
    durations: HistogramVec,
}

impl Counted {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let options =
            Opts::new("rest_client_requests_total", "Requests to the API server, by what it answered.");
        let requests = registered(registry, IntCounterVec::new(options, &["method", "code"]))?;
        for (method, code) in EXPECTED {
            let _ = (
                requests.with_label_values(&[method, code]),
                requests.with_label_values(&[method, NO_ANSWER]),
            );
        }
        let durations = MetricFactory(registry).histograms(
            "rest_client_request_duration_seconds",
            "Time until the API server begins to answer, of a watch, too.",
            ("verb", &EXPECTED.map(|(method, _)| method)),
            &SECONDS,
        )?;
        Ok(Self { requests, durations })
    }

    fn answered(&self, method: &'static str, code: &str, begun: Instant) {
        self.requests.with_label_values(&[method, code]).inc();
        self.durations.with_label_values(&[method]).observe(begun.elapsed().as_secs_f64());
    }
}

/// As a label.
fn name(method: &Method) -> &'static str {
    EXPECTED.iter().map(|(name, _)| *name).find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}

impl<S> Layer<S> for Counted {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting { inner, counted: self.clone() }
    }
}

/// A client that counts.
#[derive(Clone)]
pub(crate) struct Counting<S> {
    inner: S,
    counted: Counted,
}

type Request = http::Request<Body>;

impl<S, B> Service<Request> for Counting<S>
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
        let (method, begun) = (name(request.method()), Instant::now());
        let counted = self.counted.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let status = answer.as_ref().ok().map(http::Response::status);
            let code = status.as_ref().map_or(NO_ANSWER, http::StatusCode::as_str);
            counted.answered(method, code, begun);
            answer
        })
    }
}
