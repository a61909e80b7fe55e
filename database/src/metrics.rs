//! What the queue's operations cost.

use std::time::Duration;

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};
use strum::{AsRefStr, VariantArray};

use crate::accounts::Role;
use crate::operations::OperationName;

/// Figures of all sessions of a process. Clones share them.
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

/// How an operation ended, as OpenTelemetry's `error.type` says it.
#[derive(Debug, Clone, Copy, AsRefStr, VariantArray)]
enum Outcome {
    #[strum(serialize = "")]
    Success,
    #[strum(serialize = "_OTHER")]
    Error,
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
            "Transactions tried again because the server rolled them back for their locks, or takes no writes any more.",
        );
        let metrics = Self {
            durations: HistogramVec::new(durations, &["db_operation_name", "error_type"])?,
            lock_retries: IntCounterVec::new(retries, &["db_operation_name"])?,
            connections: IntGauge::new("db_client_connection_count", "Open connections to the database.")?,
            most_connections: IntGauge::new(
                "db_client_connection_max",
                "Connections that this process opens at the most.",
            )?,
            usable: IntGauge::new(
                "eventpipeline_database_usable",
                "1 while the database answers, takes writes and has the schema that this process needs, else 0.",
            )?,
            counter_held: IntCounter::new(
                "eventpipeline_blocked_creations_total",
                "Creations that were given up because another transaction held the counter's row for too long; the log \
                 says whose, where it may be seen.",
            )?,
            clock_offset: Gauge::new(
                "eventpipeline_database_clock_offset_seconds",
                "How far the database's clock was ahead of this process's when it was last compared; 0 before that.",
            )?,
            clock_steps: IntCounter::new(
                "eventpipeline_database_clock_steps_total",
                "How often the database's clock was seen to step, by more than 30 s against this process's monotonic clock.",
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

    /// The same, with all that `role` does from the start.
    pub fn of(self, role: Role, registry: &Registry) -> Result<Self, prometheus::Error> {
        if role == Role::Producer {
            registry.register(Box::new(self.counter_held.clone()))?;
        }
        for operation in role.operations() {
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

    /// How many connections the process opens at the most.
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

    /// The database's clock was compared with the process's.
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

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
