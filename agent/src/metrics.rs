//! The measurements as metrics.

use std::time::SystemTime;

use eventpipeline_service::registered;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Opts, Registry};
use strum::VariantArray as _;

use crate::files::Kind;
use crate::measure::Measurement;

/// The agent's metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    capacity: IntGauge,
    free: IntGauge,
    files: IntGaugeVec,
    measured_at: Gauge,
}

impl Metrics {
    /// Metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let files = Opts::new(
            "eventpipeline_volume_file_bytes",
            "What the database's files take, by what they are for.",
        );
        let metrics = Self {
            capacity: registered(
                registry,
                IntGauge::new("eventpipeline_volume_capacity_bytes", "Size of the database's volume."),
            )?,
            free: registered(
                registry,
                IntGauge::new("eventpipeline_volume_free_bytes", "What is left of the database's volume."),
            )?,
            files: registered(registry, IntGaugeVec::new(files, &["kind"]))?,
            measured_at: registered(
                registry,
                Gauge::new(
                    "eventpipeline_volume_measured_timestamp_seconds",
                    "When the volume was measured, since 1970; 0 before the first time.",
                ),
            )?,
        };
        metrics.set(&Measurement::default());
        Ok(metrics)
    }

    /// Shows what was measured now.
    pub(crate) fn show(&self, measurement: &Measurement) {
        self.set(measurement);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.measured_at.set(now.as_secs_f64());
    }

    fn set(&self, Measurement { capacity, free, files }: &Measurement) {
        self.capacity.set(bytes(*capacity));
        self.free.set(bytes(*free));
        for kind in Kind::VARIANTS {
            let label: &'static str = kind.into();
            self.files.with_label_values(&[label]).set(bytes(files.get(kind).copied().unwrap_or_default()));
        }
    }
}

fn bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
