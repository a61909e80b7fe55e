//! What the control loop counts, under controller-runtime's names, so that existing dashboards and alerts work.

use std::time::Duration;

use eventpipeline_service::registered;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

const CONTROLLER: &str = "eventpipeline";

/// The metrics of the control loop.
pub(crate) struct Metrics {
    successes: IntCounter,
    failures: IntCounter,
    errors: IntCounter,
    seconds: Histogram,
}

impl Metrics {
    /// Registers the metrics, all series at zero.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let total = registered(
            registry,
            IntCounterVec::new(
                Opts::new("controller_runtime_reconcile_total", "Reconciles, by result."),
                &["controller", "result"],
            ),
        )?;
        let errors = registered(
            registry,
            IntCounterVec::new(
                Opts::new("controller_runtime_reconcile_errors_total", "Reconciles that failed."),
                &["controller"],
            ),
        )?;
        let buckets = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let seconds = registered(
            registry,
            HistogramVec::new(
                HistogramOpts::new("controller_runtime_reconcile_time_seconds", "Time of a reconcile.")
                    .buckets(buckets),
                &["controller"],
            ),
        )?;
        Ok(Self {
            successes: total.with_label_values(&[CONTROLLER, "success"]),
            failures: total.with_label_values(&[CONTROLLER, "error"]),
            errors: errors.with_label_values(&[CONTROLLER]),
            seconds: seconds.with_label_values(&[CONTROLLER]),
        })
    }

    pub(super) fn reconciled(&self, took: Duration, success: bool) {
        self.seconds.observe(took.as_secs_f64());
        if success {
            self.successes.inc();
        } else {
            self.failures.inc();
            self.errors.inc();
        }
    }
}
