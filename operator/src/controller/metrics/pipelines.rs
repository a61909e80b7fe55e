//! Conditions and queue statistics of each pipeline, for alerts that name it.

use std::sync::{Mutex, PoisonError};

use eventpipeline_crds::conditions::ALL_TYPES;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, GaugeVec, IntGaugeVec, Opts};

use crate::cache::PipelineKey;
use crate::queue_stats::QueueStats;

/// Labels that identify a pipeline, equal to those that a scrape adds to the metrics of its pods. The scrape
/// of the operator must not override them (`honor_labels`), as with kube-state-metrics.
const LABELS: [&str; 2] = ["namespace", "eventpipeline"];
/// Possible statuses of a condition.
const STATUSES: [&str; 3] = ["True", "False", "Unknown"];

/// State of a pipeline that the metrics show.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(in crate::controller) key: PipelineKey,
    pub(in crate::controller) conditions: Conditions,
    /// Queue statistics, if known.
    pub(in crate::controller) queue: Option<QueueStats>,
}

impl Pipeline {
    /// Returns a pipeline that has every series, for the reference.
    pub(crate) fn any() -> Self {
        let key = PipelineKey { namespace: "default".to_owned(), name: "any".to_owned() };
        Self { key, conditions: Conditions::new(|_| None), queue: Some(QueueStats::default()) }
    }
}

/// Status of each condition type. A missing condition is unknown, as everywhere in Kubernetes.
#[derive(Debug, Clone)]
pub(in crate::controller) struct Conditions(Vec<(&'static str, String)>);

impl Conditions {
    /// Creates the statuses from a function that returns the status of a type.
    pub(in crate::controller) fn new(status: impl Fn(&str) -> Option<String>) -> Self {
        let unknown = || STATUSES[2].to_owned();
        Self(ALL_TYPES.map(|kind| (kind, status(kind).unwrap_or_else(unknown))).into())
    }
}

/// A collector that computes its series at each scrape.
pub(super) struct Pipelines<L> {
    list: L,
    gauges: Mutex<Gauges>,
    descriptions: Vec<Desc>,
}

struct Gauges {
    conditions: IntGaugeVec,
    events: IntGaugeVec,
    oldest: GaugeVec,
}

impl<L> Pipelines<L> {
    pub(super) fn new(list: L) -> Result<Self, Error> {
        let [namespace, name] = LABELS;
        let gauges = Gauges {
            conditions: IntGaugeVec::new(
                Opts::new(
                    "eventpipeline_status_condition",
                    "Conditions of the pipeline: 1 for the current status of each condition, 0 for the other statuses.",
                ),
                &[namespace, name, "condition", "status"],
            )?,
            events: IntGaugeVec::new(
                Opts::new(
                    "eventpipeline_pipeline_events",
                    "Number of events in the pipeline by state, if known.",
                ),
                &[namespace, name, "state"],
            )?,
            oldest: GaugeVec::new(
                Opts::new(
                    "eventpipeline_pipeline_oldest_pending_seconds",
                    "Age of the oldest pending event in seconds; 0 if no event is pending.",
                ),
                &LABELS,
            )?,
        };
        let descriptions = [gauges.conditions.desc(), gauges.events.desc(), gauges.oldest.desc()];
        let descriptions = descriptions.into_iter().flatten().cloned().collect();
        Ok(Self { list, gauges: Mutex::new(gauges), descriptions })
    }
}

impl Gauges {
    fn clear(&self) {
        self.conditions.reset();
        self.events.reset();
        self.oldest.reset();
    }

    fn set(&self, pipeline: &Pipeline) {
        let Pipeline { key: PipelineKey { namespace, name }, conditions, queue } = pipeline;
        let labels = [namespace.as_str(), name.as_str()];
        for (condition, is) in &conditions.0 {
            for status in STATUSES {
                let gauge = self.conditions.with_label_values(&[labels[0], labels[1], condition, status]);
                gauge.set((status == is).into());
            }
        }
        let Some(queue) = queue else { return };
        let QueueStats {
            pending, scheduled, blocked, processing, done, dead, oldest_pending_seconds, ..
        } = queue;
        for (state, events) in [
            ("pending", pending),
            ("scheduled", scheduled),
            ("blocked", blocked),
            ("processing", processing),
            ("done", done),
            ("dead", dead),
        ] {
            self.events.with_label_values(&[labels[0], labels[1], state]).set(*events);
        }
        self.oldest.with_label_values(&labels).set(oldest_pending_seconds.unwrap_or_default());
    }
}

impl<L: Fn() -> Vec<Pipeline> + Send + Sync> Collector for Pipelines<L> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let pipelines = (self.list)();
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.clear();
        for pipeline in &pipelines {
            gauges.set(pipeline);
        }
        [gauges.conditions.collect(), gauges.events.collect(), gauges.oldest.collect()].concat()
    }
}
