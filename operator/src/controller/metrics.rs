//! Metrics of the control loop and of the pipelines. Those of the control loop have controller-runtime's
//! names, so that existing dashboards and alerts work.

mod pipelines;
mod work_queue;

use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_service::{MetricFactory, registered};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::CONCURRENCY;
use crate::cache::PipelineKey;
pub(super) use pipelines::Conditions;
pub(crate) use pipelines::Pipeline;
use pipelines::Pipelines;
use work_queue::{WorkQueue, Working};

const CONTROLLER: &str = "eventpipeline";

/// The metrics of the control loop.
pub(crate) struct ControllerMetrics {
    successes: IntCounter,
    failures: IntCounter,
    errors: IntCounter,
    seconds: Histogram,
    active: IntGauge,
    pub(super) works: IntGauge,
    pub(super) left: IntGauge,
    /// Active and waiting rollouts.
    pub(super) rollouts: [IntGauge; 2],
    pub(super) queue: WorkQueue,
    registry: Registry,
}

/// Registers the gauges of the operator: working, left pipelines, active rollouts and waiting rollouts.
fn gauges(registry: &Registry) -> anyhow::Result<[IntGauge; 4]> {
    let make = MetricFactory(registry);
    let works = make.gauge(
        "eventpipeline_operator_working",
        "0 while the leading operator cannot do its work, for the reason that /readyz reports; 1 otherwise.",
    )?;
    works.set(1);
    Ok([
        works,
        make.gauge(
            "eventpipeline_operator_left_pipelines",
            "Pipelines in scope that another installation of the operator manages.",
        )?,
        make.gauge(
            "eventpipeline_operator_active_rollouts",
            "Pipelines that are restarting their pods without a change of their spec.",
        )?,
        make.gauge(
            "eventpipeline_operator_waiting_rollouts",
            "Pipelines that are waiting for their turn to restart their pods.",
        )?,
    ])
}

/// Registers a counter with the label `controller` and these further labels.
fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> anyhow::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), &[&["controller"], labels].concat()))
}

/// Registers a gauge with the label `controller`, and returns the series of this controller.
fn gauge(registry: &Registry, name: &str, help: &str) -> anyhow::Result<IntGauge> {
    let gauge = registered(registry, IntGaugeVec::new(Opts::new(name, help), &["controller"]))?;
    Ok(gauge.with_label_values(&[CONTROLLER]))
}

/// Registers the duration of reconciliations.
fn seconds(registry: &Registry) -> anyhow::Result<Histogram> {
    let buckets = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
    let options = HistogramOpts::new(
        "controller_runtime_reconcile_time_seconds",
        "Length of time per reconciliation per controller.",
    );
    let seconds = registered(registry, HistogramVec::new(options.buckets(buckets), &["controller"]))?;
    Ok(seconds.with_label_values(&[CONTROLLER]))
}

impl ControllerMetrics {
    /// Registers the metrics, all series at zero.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let total = counter(
            registry,
            "controller_runtime_reconcile_total",
            "Total number of reconciliations per controller.",
            &["result"],
        )?;
        let errors = counter(
            registry,
            "controller_runtime_reconcile_errors_total",
            "Total number of reconciliation errors per controller.",
            &[],
        )?;
        let active = gauge(
            registry,
            "controller_runtime_active_workers",
            "Number of currently used workers per controller.",
        )?;
        let limit = gauge(
            registry,
            "controller_runtime_max_concurrent_reconciles",
            "Maximum number of concurrent reconciles per controller.",
        )?;
        limit.set(CONCURRENCY.into());
        let [works, left, active_rollouts, waiting_rollouts] = gauges(registry)?;
        Ok(Self {
            successes: total.with_label_values(&[CONTROLLER, "success"]),
            failures: total.with_label_values(&[CONTROLLER, "error"]),
            errors: errors.with_label_values(&[CONTROLLER]),
            seconds: seconds(registry)?,
            active,
            works,
            left,
            rollouts: [active_rollouts, waiting_rollouts],
            queue: WorkQueue::new(registry)?,
            registry: registry.clone(),
        })
    }

    /// Registers the metrics of pipelines. `list` is called at each scrape, so deleted pipelines have no
    /// series.
    pub(crate) fn show(
        &self,
        list: impl Fn() -> Vec<Pipeline> + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let pipelines = Pipelines::new(list).context("failed to create the metrics of pipelines")?;
        self.registry.register(Box::new(pipelines)).context("failed to register the metrics of pipelines")
    }

    /// Counts a reconciliation as running until the guard is dropped, including when it is cancelled.
    pub(super) fn begun(&self, pipeline: PipelineKey) -> Active {
        self.active.inc();
        Active { active: self.active.clone(), _working: self.queue.begun(pipeline) }
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

/// A running reconciliation.
pub(super) struct Active {
    active: IntGauge,
    _working: Working,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.active.dec();
    }
}
