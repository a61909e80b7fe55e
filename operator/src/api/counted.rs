//! Counts every request to the API server, watches among them, under client-go's name.

use std::pin::Pin;
use std::task::{Context, Poll};

use eventpipeline_service::registered;
use kube::client::Body;
use prometheus::{IntCounterVec, Opts, Registry};
use tower::{Layer, Service};

/// Makes clients that count.
#[derive(Clone)]
pub(crate) struct Counted {
    requests: IntCounterVec,
}

impl Counted {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let options = Opts::new("rest_client_requests_total", "Requests to the API server.");
        Ok(Self { requests: registered(registry, IntCounterVec::new(options, &["method", "code"]))? })
    }
}

impl<S> Layer<S> for Counted {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting { inner, requests: self.requests.clone() }
    }
}

/// A client that counts.
#[derive(Clone)]
pub(crate) struct Counting<S> {
    inner: S,
    requests: IntCounterVec,
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
        let method = request.method().clone();
        let requests = self.requests.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let status = answer.as_ref().ok().map(http::Response::status);
            let code = status.as_ref().map_or("<error>", http::StatusCode::as_str);
            requests.with_label_values(&[method.as_str(), code]).inc();
            answer
        })
    }
}
