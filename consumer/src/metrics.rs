//! The metrics of the process, and their reference.

mod events;

use anyhow::Context as _;
use eventpipeline_database::Role;
use eventpipeline_service::{Budget, WakeupMetrics, metrics_reference};
use prometheus::Registry;

pub(crate) use events::{ClaimTrigger, Deferral, EventMetrics};

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-consumer";

/// Maximum number of series. All exist from the start; `tests/it/metrics.rs` holds the number.
const SERIES: Budget = Budget { process: 435, pipeline: 0 };

/// The metrics, by subject.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) events: EventMetrics,
    pub(crate) database: eventpipeline_database::Metrics,
    pub(crate) wakeups: WakeupMetrics,
}

impl Metrics {
    /// Registers the metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let database = eventpipeline_database::Metrics::new(registry)
            .context("failed to register the database's metrics")?;
        Ok(Self {
            events: EventMetrics::new(registry)?,
            database: database.of(Role::Consumer, registry)?,
            wakeups: WakeupMetrics::new(registry)?,
        })
    }
}

/// Returns the consumer's section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Metrics::new(&registry)?;
    Ok(metrics_reference(NAME, SERIES, &registry, &[]))
}
