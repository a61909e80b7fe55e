//! What the queue's operations cost.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, exponential_buckets};

/// Figures of all sessions of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    durations: HistogramVec,
    lock_retries: IntCounterVec,
    connections: IntGauge,
}

impl Metrics {
    /// Metrics in `registry`, named after OpenTelemetry's conventions where those have a name.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let durations = HistogramOpts::new(
            "db_client_operation_duration_seconds",
            "Time of an operation on the queue, with its retries; error_type is empty where it succeeded.",
        )
        .buckets(exponential_buckets(0.000_25, 4.0, 8)?);
        let retries = Opts::new(
            "eventpipeline_database_lock_retries_total",
            "Transactions tried again because MySQL rolled them back for their locks.",
        );
        let metrics = Self {
            durations: HistogramVec::new(durations, &["db_operation_name", "error_type"])?,
            lock_retries: IntCounterVec::new(retries, &["db_operation_name"])?,
            connections: IntGauge::new("db_client_connection_count", "Open connections to the database.")?,
        };
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.lock_retries.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn ran(&self, operation: &'static str, took: Duration, succeeded: bool) {
        let error = if succeeded { "" } else { "_OTHER" };
        self.durations.with_label_values(&[operation, error]).observe(took.as_secs_f64());
    }

    pub(crate) fn retried(&self, operation: &'static str) {
        self.lock_retries.with_label_values(&[operation]).inc();
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn opened(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
