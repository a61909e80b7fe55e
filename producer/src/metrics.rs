//! What a producer counts and measures.

use std::time::Duration;

use eventpipeline_database::{Finished, State};
use eventpipeline_service::{MetricFactory, registered};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry,
    exponential_buckets,
};
use strum::{IntoStaticStr, VariantArray};

use crate::api::{self, Answer};
use crate::storage::Room;

/// Buckets that OpenTelemetry advises for HTTP server durations, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// How it was noticed that an event has ended that a client waits for.
#[derive(Debug, Clone, Copy, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Found {
    /// A wake-up said so.
    Wakeup,
    /// It was looked for.
    Look,
}

/// The producer's metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: HistogramVec,
    active_requests: IntGauge,
    created: IntCounter,
    create_batch: Histogram,
    waiters: IntGauge,
    found: IntCounterVec,
    removed: IntCounterVec,
}

impl Metrics {
    /// Metrics in `registry`; those of requests with every answer that the API describes from the start.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        let requests = HistogramOpts::new(
            "http_server_request_duration_seconds",
            "Time from a request to its answer; create-sync waits for the event to be processed.",
        )
        .buckets(SECONDS.to_vec());
        let labels = ["http_request_method", "http_route", "http_response_status_code"];
        let requests = registered(registry, HistogramVec::new(requests, &labels))?;
        for Answer { method, route, status } in api::answers() {
            let _ = requests.with_label_values(&[method, &route, &status]);
        }
        Ok(Self {
            requests,
            active_requests: make.gauge("http_server_active_requests", "Requests that are being served.")?,
            created: make.counter("eventpipeline_events_created_total", "Events created by this process.")?,
            create_batch: make.histogram(
                "eventpipeline_create_batch_events",
                "Events created by one transaction.",
                &exponential_buckets(1.0, 2.0, 10)?,
            )?,
            waiters: make.gauge("eventpipeline_waiters", "Clients that wait for the answer to their event.")?,
            found: make.counters(
                "eventpipeline_waited_events_total",
                "Events that ended while clients waited for them, by what made this process notice: a wake-up, or a \
                 look for what wake-ups have missed.",
                ("noticed_by", &Found::VARIANTS.iter().map(Into::into).collect::<Vec<_>>()),
            )?,
            removed: make.counters(
                "eventpipeline_events_removed_total",
                "Finished events that were removed after the time that they are kept.",
                ("state", &[State::Done, State::Dead, State::Cancelled].map(Into::into)),
            )?,
        })
    }

    /// A transaction created `events` events.
    pub(crate) fn created(&self, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.created.inc_by(events.into());
        self.create_batch.observe(events.into());
    }

    /// How many clients wait now.
    pub(crate) fn waiting(&self, waiters: usize) {
        self.waiters.set(i64::try_from(waiters).unwrap_or(i64::MAX));
    }

    /// So many events were found to have ended.
    pub(crate) fn found(&self, by: Found, events: usize) {
        let noticed: &'static str = by.into();
        self.found.with_label_values(&[noticed]).inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// So many events were removed after their time.
    pub(crate) fn removed(&self, finished: Finished, events: usize) {
        let state: &str = State::from(finished).into();
        self.removed.with_label_values(&[state]).inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// A request was answered. `route` is a route's pattern, never a path.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).observe(took.as_secs_f64());
    }

    /// Counts a request as active until the guard is dropped, also when its client leaves.
    pub(crate) fn active_request(&self) -> ActiveRequest {
        self.active_requests.inc();
        ActiveRequest(self.active_requests.clone())
    }
}

/// A request that is being served.
#[derive(Debug)]
pub(crate) struct ActiveRequest(IntGauge);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is known of the room for events. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct StorageMetrics {
    refusing: IntGauge,
    reusable: IntGauge,
    required: IntGauge,
}

impl StorageMetrics {
    /// Metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        Ok(Self {
            refusing: make.gauge(
                "eventpipeline_storage_refusing",
                "1 while creations are refused (507) because the database's volume is nearly full, otherwise 0.",
            )?,
            reusable: make.gauge(
                "eventpipeline_storage_reusable_bytes",
                "Free space inside the events' tablespace, which removed events have left; 0 while it is not known.",
            )?,
            required: make.gauge(
                "eventpipeline_storage_required_bytes",
                "Free space, on the volume and in the tablespace, below which creations are refused; 0 while it is not \
                 known.",
            )?,
        })
    }

    /// What there is, and what follows from it.
    pub(crate) fn show(&self, room: Option<Room>, refusing: bool) {
        let bytes = |of: fn(Room) -> u64| i64::try_from(room.map_or(0, of)).unwrap_or(i64::MAX);
        self.refusing.set(refusing.into());
        self.reusable.set(bytes(|room| room.reusable));
        self.required.set(bytes(|room| room.required));
    }
}
