//! What a consumer counts and measures.

use std::time::Duration;

use eventpipeline_service::registered;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntGauge, Registry};

/// Buckets for what takes from a millisecond to a minute, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// How handling ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
}

impl Outcome {
    const ALL: [Self; 2] = [Self::Done, Self::Failed];

    fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The consumer's metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    claimed: IntCounter,
    completed: IntCounter,
    fenced: IntCounter,
    reclaimed: IntCounter,
    in_flight: IntGauge,
    handled: HistogramVec,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        let handled =
            HistogramOpts::new("eventpipeline_handle_duration_seconds", "Time a handler took for an event.")
                .buckets(SECONDS.to_vec());
        let metrics = Self {
            claimed: counter("eventpipeline_events_claimed_total", "Events claimed by this process.")?,
            completed: counter("eventpipeline_events_completed_total", "Answers accepted.")?,
            fenced: counter(
                "eventpipeline_events_fenced_total",
                "Answers dropped because the event had been claimed again since.",
            )?,
            reclaimed: counter(
                "eventpipeline_events_reclaimed_total",
                "Events freed because their claim was not settled in its lease.",
            )?,
            in_flight: registered(
                registry,
                IntGauge::new("eventpipeline_events_in_flight", "Events being handled by this process."),
            )?,
            handled: registered(registry, HistogramVec::new(handled, &["outcome"]))?,
        };
        // Every label value from the start, so that a rate over the first failure is seen.
        for outcome in Outcome::ALL {
            let _ = metrics.handled.with_label_values(&[outcome.label()]);
        }
        Ok(metrics)
    }

    pub(crate) fn claimed(&self, events: usize) {
        self.claimed.inc_by(many(events));
    }

    pub(crate) fn completed(&self, accepted: usize, fenced: usize) {
        self.completed.inc_by(many(accepted));
        self.fenced.inc_by(many(fenced));
    }

    pub(crate) fn reclaimed(&self, events: usize) {
        self.reclaimed.inc_by(many(events));
    }

    pub(crate) fn handled(&self, outcome: Outcome, took: Duration) {
        self.handled.with_label_values(&[outcome.label()]).observe(took.as_secs_f64());
    }

    /// Counts an event as in flight until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }
}

fn many(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

/// An event that is being handled.
#[derive(Debug)]
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
