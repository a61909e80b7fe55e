//! Metrics of the work queue, under client-go's names.
//!
//! The queue itself belongs to the kube crate. The metrics count the reconcile requests that enter it and the
//! reconciliations that leave it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_service::MetricFactory;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, Gauge, Histogram, IntCounter, IntGauge, Opts, Registry, exponential_buckets};

use super::CONTROLLER;
use crate::cache::PipelineKey;

/// Queued and running reconciliations. Clones share them.
#[derive(Clone)]
pub(in crate::controller) struct WorkQueue {
    items: Arc<Mutex<Items>>,
    adds: IntCounter,
    retries: IntCounter,
    waited: Histogram,
    worked: Histogram,
}

#[derive(Default)]
struct Items {
    /// Queued pipelines, each with the time of its first request.
    waiting: HashMap<PipelineKey, Instant>,
    /// Pipelines with a running reconciliation, each with its start.
    working: HashMap<PipelineKey, Instant>,
}

impl WorkQueue {
    /// Registers the metrics, all series at zero.
    pub(super) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let (make, label) = (MetricFactory(registry), ("name", &[CONTROLLER][..]));
        let counter = |name: &str, help: &str| {
            anyhow::Ok(make.counters(name, help, label)?.with_label_values(&[CONTROLLER]))
        };
        let buckets = exponential_buckets(0.001, 4.0, 9)?;
        let histogram = |name: &str, help: &str| {
            anyhow::Ok(make.histograms(name, help, label, &buckets)?.with_label_values(&[CONTROLLER]))
        };
        let queue = Self {
            items: Arc::default(),
            adds: counter("workqueue_adds_total", "Total number of adds handled by workqueue.")?,
            retries: counter("workqueue_retries_total", "Total number of retries handled by workqueue.")?,
            waited: histogram(
                "workqueue_queue_duration_seconds",
                "How long in seconds an item stays in workqueue before being requested, including the debounce of 0.1 s.",
            )?,
            worked: histogram(
                "workqueue_work_duration_seconds",
                "How long in seconds processing an item from workqueue takes.",
            )?,
        };
        let shown =
            Shown::new(Arc::clone(&queue.items)).context("failed to create the work queue's metrics")?;
        registry.register(Box::new(shown)).context("failed to register the work queue's metrics")?;
        Ok(queue)
    }

    /// Records a reconcile request. A pipeline that is already queued keeps its place.
    pub(in crate::controller) fn added(&self, pipeline: PipelineKey) {
        let mut items = lock(&self.items);
        items.waiting.entry(pipeline).or_insert_with(|| {
            self.adds.inc();
            Instant::now()
        });
    }

    /// Records the start of a reconciliation, which runs until the guard is dropped.
    pub(in crate::controller) fn begun(&self, pipeline: PipelineKey) -> Working {
        let now = Instant::now();
        let mut items = lock(&self.items);
        let since = items.waiting.remove(&pipeline).unwrap_or_else(|| {
            // A requeue or a retry, which the kube crate schedules by itself.
            self.adds.inc();
            now
        });
        self.waited.observe((now - since).as_secs_f64());
        items.working.insert(pipeline.clone(), now);
        Working { queue: self.clone(), pipeline }
    }

    pub(in crate::controller) fn retried(&self) {
        self.retries.inc();
    }

    /// Removes a queued pipeline that was deleted.
    pub(in crate::controller) fn forget(&self, pipeline: &PipelineKey) {
        lock(&self.items).waiting.remove(pipeline);
    }
}

fn lock(items: &Mutex<Items>) -> MutexGuard<'_, Items> {
    items.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running reconciliation.
pub(in crate::controller) struct Working {
    queue: WorkQueue,
    pipeline: PipelineKey,
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(since) = lock(&self.queue.items).working.remove(&self.pipeline) {
            self.queue.worked.observe(since.elapsed().as_secs_f64());
        }
    }
}

/// A collector of the gauges, computed at each scrape.
struct Shown {
    items: Arc<Mutex<Items>>,
    depth: IntGauge,
    unfinished: Gauge,
    longest: Gauge,
}

impl Shown {
    fn new(items: Arc<Mutex<Items>>) -> Result<Self, Error> {
        let options = |name: &str, help: &str| Opts::new(name, help).const_label("name", CONTROLLER);
        Ok(Self {
            items,
            depth: IntGauge::with_opts(options(
                "workqueue_depth",
                "Current depth of workqueue, including items that are being debounced.",
            ))?,
            unfinished: Gauge::with_opts(options(
                "workqueue_unfinished_work_seconds",
                "How many seconds of work has been done that is in progress and hasn't been observed by work_duration. Large \
                 values indicate stuck reconciliations. Their number is the rate at which this increases.",
            ))?,
            longest: Gauge::with_opts(options(
                "workqueue_longest_running_processor_seconds",
                "How many seconds has the longest running processor for workqueue been running.",
            ))?,
        })
    }
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        [self.depth.desc(), self.unfinished.desc(), self.longest.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let items = lock(&self.items);
        let work = || items.working.values().map(Instant::elapsed);
        self.depth.set(i64::try_from(items.waiting.len()).unwrap_or(i64::MAX));
        self.unfinished.set(work().sum::<Duration>().as_secs_f64());
        self.longest.set(work().max().unwrap_or_default().as_secs_f64());
        [self.depth.collect(), self.unfinished.collect(), self.longest.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(registry: &Registry, name: &str) -> Option<f64> {
        let families = registry.gather();
        let metric = &families.iter().find(|family| family.name() == name)?.get_metric()[0];
        let histogram = metric.get_histogram().get_sample_count();
        let gauge = metric.get_gauge().get_value() + metric.get_counter().get_value();
        Some(gauge + f64::from(u32::try_from(histogram).unwrap()))
    }

    #[test]
    fn a_pipeline_is_queued_once_then_running_then_neither() {
        let registry = Registry::new();
        let queue = WorkQueue::new(&registry).unwrap();
        let key = |name: &str| PipelineKey { namespace: "a".to_owned(), name: name.to_owned() };
        queue.added(key("x"));
        queue.added(key("x"));
        queue.added(key("y"));
        assert_eq!(
            (value(&registry, "workqueue_depth"), value(&registry, "workqueue_adds_total")),
            (Some(2.0), Some(2.0))
        );

        let working = queue.begun(key("x"));
        assert_eq!(value(&registry, "workqueue_depth"), Some(1.0));
        assert_eq!(value(&registry, "workqueue_queue_duration_seconds"), Some(1.0));
        assert!(value(&registry, "workqueue_longest_running_processor_seconds") > Some(0.0));
        drop(working);
        assert_eq!(value(&registry, "workqueue_work_duration_seconds"), Some(1.0));
        assert_eq!(value(&registry, "workqueue_longest_running_processor_seconds"), Some(0.0));

        queue.forget(&key("y"));
        assert_eq!(value(&registry, "workqueue_depth"), Some(0.0));
        // A requeue was never added explicitly.
        drop(queue.begun(key("z")));
        assert_eq!(value(&registry, "workqueue_adds_total"), Some(3.0));
    }
}
