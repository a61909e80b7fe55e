//! Metrics of the queue's operations.

use std::time::Duration;

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};
use strum::{AsRefStr, VariantArray};

use crate::operations::OperationName;
use crate::role::Role;

/// The metrics of all sessions of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    durations: HistogramVec,
    lock_retries: IntCounterVec,
    connections: IntGauge,
    most_connections: IntGauge,
    usable: IntGauge,
    counter_held: IntCounter,
    clock_offset: Gauge,
    clock_steps: IntCounter,
}

/// The outcome of an operation, as OpenTelemetry's `error.type`.
#[derive(Debug, Clone, Copy, AsRefStr, VariantArray)]
enum Outcome {
    #[strum(serialize = "")]
    Success,
    #[strum(serialize = "_OTHER")]
    Error,
}

impl Metrics {
    /// Registers metrics in `registry`, named after OpenTelemetry's conventions where they exist.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let durations = HistogramOpts::new(
            "db_client_operation_duration_seconds",
            "Duration of an operation on the queue, including retries; error_type is empty on success.",
        )
        .buckets(exponential_buckets(0.000_25, 4.0, 8)?);
        let retries = Opts::new(
            "eventpipeline_database_lock_retries_total",
            "Transactions retried after a deadlock or a lock wait timeout, or because the server no longer accepts writes.",
        );
        let metrics = Self {
            durations: HistogramVec::new(durations, &["db_operation_name", "error_type"])?,
            lock_retries: IntCounterVec::new(retries, &["db_operation_name"])?,
            connections: IntGauge::new("db_client_connection_count", "Open connections to the database.")?,
            most_connections: IntGauge::new(
                "db_client_connection_max",
                "Maximum number of connections that this process opens.",
            )?,
            usable: IntGauge::new(
                "eventpipeline_database_usable",
                "1 while the database answers, accepts writes and has the schema that this process needs, otherwise 0.",
            )?,
            counter_held: IntCounter::new(
                "eventpipeline_blocked_creations_total",
                "Creations that failed because another transaction held the counter's row for too long; the log names the \
                 transaction's connection if the database's user may see it.",
            )?,
            clock_offset: Gauge::new(
                "eventpipeline_database_clock_offset_seconds",
                "Offset of the database's clock from this process's clock at the last comparison, positive if the database is ahead; 0 before the first.",
            )?,
            clock_steps: IntCounter::new(
                "eventpipeline_database_clock_steps_total",
                "Steps of the database's clock by more than 30 s, measured against this process's monotonic clock.",
            )?,
        };
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.lock_retries.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.most_connections.clone()))?;
        registry.register(Box::new(metrics.usable.clone()))?;
        registry.register(Box::new(metrics.clock_offset.clone()))?;
        registry.register(Box::new(metrics.clock_steps.clone()))?;
        Ok(metrics)
    }

    /// Creates the series of all operations of `role`, so that they exist from the start.
    pub fn of(self, role: Role, registry: &Registry) -> Result<Self, prometheus::Error> {
        if role == Role::Producer {
            registry.register(Box::new(self.counter_held.clone()))?;
        }
        for operation in OperationName::VARIANTS.iter().filter(|operation| role.executes(**operation)) {
            for outcome in Outcome::VARIANTS {
                let _ = self.durations.with_label_values(&[operation.as_ref(), outcome.as_ref()]);
            }
            let _ = self.lock_retries.with_label_values(&[operation.as_ref()]);
        }
        Ok(self)
    }

    pub(crate) fn is_usable(&self, usable: bool) {
        self.usable.set(i64::from(usable));
    }

    pub(crate) fn counter_was_held(&self) {
        self.counter_held.inc();
    }

    /// Sets the maximum number of the process's connections.
    pub(crate) fn report_max_sessions(&self, connections: usize) {
        self.most_connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    pub(crate) fn ran(&self, operation: OperationName, took: Duration, succeeded: bool) {
        let outcome = if succeeded { Outcome::Success } else { Outcome::Error };
        self.durations.with_label_values(&[operation.as_ref(), outcome.as_ref()]).observe(took.as_secs_f64());
    }

    pub(crate) fn retried(&self, operation: OperationName) {
        self.lock_retries.with_label_values(&[operation.as_ref()]).inc();
    }

    /// Records a comparison of the database's clock with the process's.
    pub(crate) fn clock(&self, offset_seconds: f64, stepped: bool) {
        self.clock_offset.set(offset_seconds);
        self.clock_steps.inc_by(stepped.into());
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn opened(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
