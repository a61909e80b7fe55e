//! Storage metrics.

use eventpipeline_service::MetricFactory;
use prometheus::{IntGauge, Registry};

use super::guard::Space;

/// The metrics of the storage. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct StorageMetrics {
    refusing: IntGauge,
    reusable: IntGauge,
    required: IntGauge,
}

impl StorageMetrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        Ok(Self {
            refusing: make.gauge(
                "eventpipeline_storage_refusing",
                "1 while creations are refused (507) because the database's volume is nearly full, otherwise 0.",
            )?,
            reusable: make.gauge(
                "eventpipeline_storage_reusable_bytes",
                "Free space inside the events' tablespace, left by removed events; 0 while unknown.",
            )?,
            required: make.gauge(
                "eventpipeline_storage_required_bytes",
                "Free space, on the volume and in the tablespace, below which creations are refused; 0 while unknown.",
            )?,
        })
    }

    pub(super) fn set(&self, space: Option<Space>, refusing: bool) {
        let bytes = |of: fn(Space) -> u64| i64::try_from(space.map_or(0, of)).unwrap_or(i64::MAX);
        self.refusing.set(refusing.into());
        self.reusable.set(bytes(|space| space.reusable));
        self.required.set(bytes(|space| space.required));
    }
}
