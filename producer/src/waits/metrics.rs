//! Metrics of waiting clients.

use eventpipeline_service::MetricFactory;
use prometheus::{IntCounterVec, IntGauge, Registry};
use strum::{IntoStaticStr, VariantArray};

/// The `noticed_by` label: the reason for the read that found a finished event.
#[derive(Debug, Clone, Copy, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(super) enum NoticedBy {
    /// A wake-up named the event.
    Wakeup,
    /// The task polled for all awaited events.
    Poll,
}

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct WaitMetrics {
    clients: IntGauge,
    finished: IntCounterVec,
}

impl WaitMetrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        Ok(Self {
            clients: make.gauge("eventpipeline_waiters", "Clients waiting for their event to finish.")?,
            finished: make.counters(
                "eventpipeline_waited_events_total",
                "Events that finished while clients waited for them, by how this process noticed: a wake-up, or a poll \
                 for events whose wake-up was lost.",
                ("noticed_by", &NoticedBy::VARIANTS.iter().map(Into::into).collect::<Vec<_>>()),
            )?,
        })
    }

    pub(super) fn set_clients(&self, clients: usize) {
        self.clients.set(i64::try_from(clients).unwrap_or(i64::MAX));
    }

    pub(super) fn finished(&self, noticed_by: NoticedBy, events: usize) {
        let label: &'static str = noticed_by.into();
        self.finished.with_label_values(&[label]).inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }
}
