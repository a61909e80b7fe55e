//! The pipelines that wait to be reconciled, under controller-runtime's names.
//!
//! The queue itself is kube's. What is counted is what goes in, which is ours, and what comes out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_service::MetricFactory;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, Gauge, Histogram, IntCounter, IntGauge, Opts, Registry, exponential_buckets};

use super::CONTROLLER;
use crate::inventory::PipelineKey;

/// What waits and what is worked on. Clones share it.
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
    /// Since when.
    waiting: HashMap<PipelineKey, Instant>,
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
            adds: counter("workqueue_adds_total", "Pipelines put in line to be reconciled.")?,
            retries: counter("workqueue_retries_total", "Reconciles that are tried again.")?,
            waited: histogram(
                "workqueue_queue_duration_seconds",
                "Time that a pipeline was in line, with the tenth of a second in which changes gather.",
            )?,
            worked: histogram("workqueue_work_duration_seconds", "Time that a pipeline was worked on.")?,
        };
        let shown = Shown::new(Arc::clone(&queue.items)).context("failed to describe the work queue")?;
        registry.register(Box::new(shown)).context("failed to register the work queue's metrics")?;
        Ok(queue)
    }

    /// A pipeline is to be reconciled. One that is in line already stays where it is.
    pub(in crate::controller) fn added(&self, pipeline: PipelineKey) {
        let mut items = lock(&self.items);
        items.waiting.entry(pipeline).or_insert_with(|| {
            self.adds.inc();
            Instant::now()
        });
    }

    /// It is worked on until the guard is dropped.
    pub(in crate::controller) fn begun(&self, pipeline: PipelineKey) -> Working {
        let now = Instant::now();
        let mut items = lock(&self.items);
        let since = items.waiting.remove(&pipeline).unwrap_or_else(|| {
            // Its time had come: to be looked at again, or to be tried again.
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

    /// It was in line and has gone.
    pub(in crate::controller) fn forget(&self, pipeline: &PipelineKey) {
        lock(&self.items).waiting.remove(pipeline);
    }
}

fn lock(items: &Mutex<Items>) -> MutexGuard<'_, Items> {
    items.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipeline that is worked on.
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

/// What there is at the moment of a scrape.
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
                "Pipelines in line, with those that wait for changes to gather.",
            ))?,
            unfinished: Gauge::with_opts(options(
                "workqueue_unfinished_work_seconds",
                "How long all pipelines together have been worked on that are being worked on.",
            ))?,
            longest: Gauge::with_opts(options(
                "workqueue_longest_running_processor_seconds",
                "How long the pipeline has been worked on that is being worked on for longest.",
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
    fn a_pipeline_is_in_line_once_then_worked_on_and_then_neither() {
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
        // What comes by itself was never put in line.
        drop(queue.begun(key("z")));
        assert_eq!(value(&registry, "workqueue_adds_total"), Some(3.0));
    }
}
