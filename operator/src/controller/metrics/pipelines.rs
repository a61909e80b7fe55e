//! How each pipeline is, for alerts that name it.

use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, GaugeVec, IntGaugeVec, Opts};

use crate::figures::Queue;
use crate::inventory::PipelineKey;

/// Not `namespace`: that is the operator's own, by the labels of whoever scrapes it.
const LABELS: [&str; 2] = ["pipeline_namespace", "pipeline"];

/// What is shown of a pipeline.
#[derive(Debug, Clone)]
pub(in crate::controller) struct Pipeline {
    pub(in crate::controller) key: PipelineKey,
    pub(in crate::controller) ready: bool,
    /// As far as it is known.
    pub(in crate::controller) queue: Option<Queue>,
}

/// Made anew for each scrape.
pub(super) struct Pipelines<L> {
    list: L,
    gauges: Mutex<Gauges>,
    descriptions: Vec<Desc>,
}

struct Gauges {
    ready: IntGaugeVec,
    events: IntGaugeVec,
    oldest: GaugeVec,
}

impl<L> Pipelines<L> {
    pub(super) fn new(list: L) -> Result<Self, Error> {
        let [namespace, name] = LABELS;
        let gauges = Gauges {
            ready: IntGaugeVec::new(
                Opts::new(
                    "eventpipeline_pipeline_ready",
                    "Whether everything is there that the pipeline asks for.",
                ),
                &LABELS,
            )?,
            events: IntGaugeVec::new(
                Opts::new(
                    "eventpipeline_pipeline_events",
                    "Events of the pipeline, by state, as far as they are known.",
                ),
                &[namespace, name, "state"],
            )?,
            oldest: GaugeVec::new(
                Opts::new(
                    "eventpipeline_pipeline_oldest_pending_seconds",
                    "How long the oldest event has waited that waits; 0 while none does.",
                ),
                &LABELS,
            )?,
        };
        let descriptions = [gauges.ready.desc(), gauges.events.desc(), gauges.oldest.desc()];
        let descriptions = descriptions.into_iter().flatten().cloned().collect();
        Ok(Self { list, gauges: Mutex::new(gauges), descriptions })
    }
}

impl Gauges {
    fn clear(&self) {
        self.ready.reset();
        self.events.reset();
        self.oldest.reset();
    }

    fn set(&self, pipeline: &Pipeline) {
        let Pipeline { key: PipelineKey { namespace, name }, ready, queue } = pipeline;
        let labels = [namespace.as_str(), name.as_str()];
        self.ready.with_label_values(&labels).set((*ready).into());
        let Some(Queue { pending, processing, done, dead, oldest_pending_seconds }) = queue else { return };
        for (state, events) in
            [("pending", pending), ("processing", processing), ("done", done), ("dead", dead)]
        {
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
        [gauges.ready.collect(), gauges.events.collect(), gauges.oldest.collect()].concat()
    }
}
