//! All metrics of the process, and their reference.

use eventpipeline_service::{Budget, metrics_reference};

use crate::metrics::Metrics;

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-agent";

/// The most series that there may be. Held by `tests/it/main.rs`.
const SERIES: Budget = Budget { process: 40, pipeline: 0 };

/// The section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Metrics::new(&registry)?;
    Ok(metrics_reference(NAME, SERIES, &registry, &[]))
}
