//! The metrics of the process, and their reference.

use std::time::SystemTime;

use eventpipeline_service::{Budget, MetricFactory, metrics_reference};
use prometheus::{Gauge, IntGauge, IntGaugeVec, Registry};
use strum::VariantArray as _;

use crate::files::Kind;
use crate::measure::Measurement;

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-agent";

/// Maximum number of series. `tests/it/main.rs` holds it.
const SERIES: Budget = Budget { process: 40, pipeline: 0 };

/// The agent's metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    capacity: IntGauge,
    free: IntGauge,
    files: IntGaugeVec,
    measured_at: Gauge,
}

/// Returns the agent's section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Metrics::new(&registry)?;
    Ok(metrics_reference(NAME, SERIES, &registry, &[]))
}

impl Metrics {
    /// Registers the metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        let kinds: Vec<&str> = Kind::VARIANTS.iter().map(Into::into).collect();
        Ok(Self {
            capacity: make.gauge("eventpipeline_volume_capacity_bytes", "Size of the database's volume.")?,
            free: make.gauge("eventpipeline_volume_free_bytes", "Free space on the database's volume.")?,
            files: make.gauges(
                "eventpipeline_volume_file_bytes",
                "Size of the database's files, by kind of file.",
                ("kind", &kinds),
            )?,
            measured_at: make.float_gauge(
                "eventpipeline_volume_measured_timestamp_seconds",
                "Time of the last measurement of the volume, in seconds since 1970; 0 before the first one.",
            )?,
        })
    }

    /// Sets all metrics to a measurement that was just made.
    pub(crate) fn measured(&self, Measurement { capacity, free, files }: &Measurement) {
        self.capacity.set(bytes(*capacity));
        self.free.set(bytes(*free));
        for kind in Kind::VARIANTS {
            let label: &str = kind.into();
            self.files.with_label_values(&[label]).set(bytes(files.get(kind).copied().unwrap_or_default()));
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.measured_at.set(now.as_secs_f64());
    }
}

fn bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
