//! What the control loop counts, under controller-runtime's names, so that existing dashboards and alerts work; and how
//! the pipelines are.

mod pipelines;
mod work_queue;

use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_service::{MetricFactory, registered};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::CONCURRENCY;
use crate::inventory::PipelineKey;
pub(super) use pipelines::Conditions;
pub(crate) use pipelines::Pipeline;
use pipelines::Pipelines;
use work_queue::{WorkQueue, Working};

const CONTROLLER: &str = "eventpipeline";

/// The metrics of the control loop.
pub(crate) struct Metrics {
    successes: IntCounter,
    failures: IntCounter,
    errors: IntCounter,
    seconds: Histogram,
    active: IntGauge,
    pub(super) works: IntGauge,
    pub(super) left: IntGauge,
    /// Those under way, and those that wait.
    pub(super) rollouts: [IntGauge; 2],
    pub(super) queue: WorkQueue,
    registry: Registry,
}

/// Whether the operator works, and the pipelines that it leaves to others, that restart their pods, and that wait to do so.
fn gauges(registry: &Registry) -> anyhow::Result<[IntGauge; 4]> {
    let make = MetricFactory(registry);
    let works = make.gauge(
        "eventpipeline_operator_working",
        "0 while the operator that leads can't do its work, and its readiness says why; 1 otherwise.",
    )?;
    works.set(1);
    Ok([
        works,
        make.gauge(
            "eventpipeline_operator_left_pipelines",
            "Pipelines in the operator's scope that another installation of it looks after.",
        )?,
        make.gauge(
            "eventpipeline_operator_active_rollouts",
            "Pipelines that restart their pods although nobody has changed their spec.",
        )?,
        make.gauge(
            "eventpipeline_operator_waiting_rollouts",
            "Pipelines that wait for their turn to restart their pods.",
        )?,
    ])
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
        let active = registered(
            registry,
            IntGaugeVec::new(
                Opts::new("controller_runtime_active_workers", "Reconciles that are under way."),
                &["controller"],
            ),
        )?;
        let most = registered(
            registry,
            IntGaugeVec::new(
                Opts::new(
                    "controller_runtime_max_concurrent_reconciles",
                    "Reconciles that may be under way at once.",
                ),
                &["controller"],
            ),
        )?;
        let [works, left, active_rollouts, waiting_rollouts] = gauges(registry)?;
        most.with_label_values(&[CONTROLLER]).set(CONCURRENCY.into());
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
            active: active.with_label_values(&[CONTROLLER]),
            works,
            left,
            rollouts: [active_rollouts, waiting_rollouts],
            queue: WorkQueue::new(registry)?,
            registry: registry.clone(),
        })
    }

    /// Shows the pipelines as `list` has them at each scrape: one that has gone has no series.
    pub(crate) fn show(
        &self,
        list: impl Fn() -> Vec<Pipeline> + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let pipelines = Pipelines::new(list).context("failed to describe the pipelines' metrics")?;
        self.registry.register(Box::new(pipelines)).context("failed to register the pipelines' metrics")
    }

    /// Counts a reconcile as under way until the guard is dropped, also when it is cut off.
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

/// A reconcile that is under way.
pub(super) struct Active {
    active: IntGauge,
    _working: Working,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.active.dec();
    }
}
