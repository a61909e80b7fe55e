//! Metrics of HTTP requests.

use std::time::Duration;

use eventpipeline_service::{MetricFactory, registered};
use prometheus::{HistogramOpts, HistogramVec, IntGauge, Registry};

/// Buckets that OpenTelemetry recommends for HTTP server durations, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A response that the API describes.
#[derive(Debug)]
pub(crate) struct DescribedResponse {
    pub(super) method: &'static str,
    /// Pattern of the route.
    pub(super) route: String,
    pub(super) status: String,
}

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    requests: HistogramVec,
    active_requests: IntGauge,
}

impl HttpMetrics {
    /// Registers the metrics, with a series for each described response.
    pub(crate) fn new(
        registry: &Registry,
        responses: impl IntoIterator<Item = DescribedResponse>,
    ) -> anyhow::Result<Self> {
        let requests = HistogramOpts::new(
            "http_server_request_duration_seconds",
            "Time from a request to its response; create-sync waits for the event to be processed.",
        )
        .buckets(SECONDS.to_vec());
        let labels = ["http_request_method", "http_route", "http_response_status_code"];
        let requests = registered(registry, HistogramVec::new(requests, &labels))?;
        for DescribedResponse { method, route, status } in responses {
            let _ = requests.with_label_values(&[method, &route, &status]);
        }
        let active_requests = MetricFactory(registry)
            .gauge("http_server_active_requests", "Requests that are being served.")?;
        Ok(Self { requests, active_requests })
    }

    /// Observes a response. `route` is the pattern of a route, never a path.
    pub(super) fn responded(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).observe(took.as_secs_f64());
    }

    /// Counts a request as active until the guard is dropped, which includes requests whose clients leave.
    pub(super) fn active_request(&self) -> ActiveRequest {
        self.active_requests.inc();
        ActiveRequest(self.active_requests.clone())
    }
}

/// A request that is being served.
#[derive(Debug)]
pub(super) struct ActiveRequest(IntGauge);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}
