//! All metrics of the process, and their reference.

use anyhow::Context as _;
use eventpipeline_database::Role;
use eventpipeline_service::{Budget, WakeupMetrics, metrics_reference};
use prometheus::Registry;

use crate::metrics::Metrics;

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-consumer";

/// The most series that there may be: all of them are there from the start. Held by `tests/it/metrics.rs`.
const SERIES: Budget = Budget { process: 400, pipeline: 0 };

/// The metrics by what they are of.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) loops: Metrics,
    pub(crate) database: eventpipeline_database::Metrics,
    pub(crate) wakeups: WakeupMetrics,
}

impl Instruments {
    /// Metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let database = eventpipeline_database::Metrics::new(registry)
            .context("failed to register the database's metrics")?;
        Ok(Self {
            loops: Metrics::new(registry)?,
            database: database.of(Role::Consumer, registry)?,
            wakeups: WakeupMetrics::new(registry)?,
        })
    }
}

/// The section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Instruments::new(&registry)?;
    Ok(metrics_reference(NAME, SERIES, &registry, &[]))
}
