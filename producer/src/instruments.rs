//! All metrics of the process, and their reference.

use anyhow::Context as _;
use eventpipeline_database::Role;
use eventpipeline_service::{Budget, Label, WakeupMetrics, metrics_reference};
use prometheus::Registry;

use crate::ledger::Figures;
use crate::metrics::{Metrics, StorageMetrics};

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-producer";

/// The most series that there may be: the answers that are described, and those to what no client should ask, which are
/// few kinds. Held by `tests/it/metrics.rs`.
const SERIES: Budget = Budget { process: 2500, pipeline: 0 };

/// Labels whose values are not all there from the start.
const OPEN: [Label; 3] = [
    Label {
        name: "http_request_method",
        values: "those of the API's description, from the start; `HEAD` and `_OTHER` once asked with",
    },
    Label {
        name: "http_route",
        values: "a path of the API's description, `/openapi.json`, or empty: no such path",
    },
    Label {
        name: "http_response_status_code",
        values: "those that the API's description gives for the path, from the start; 204, 403, 404 and 405 where it is \
                 asked for what is not described, or not served on the public port",
    },
];

/// The metrics by what they are of.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) api: Metrics,
    pub(crate) database: eventpipeline_database::Metrics,
    pub(crate) wakeups: WakeupMetrics,
    pub(crate) ledger: Figures,
    pub(crate) storage: StorageMetrics,
}

impl Instruments {
    /// Metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let database = eventpipeline_database::Metrics::new(registry)
            .context("failed to register the database's metrics")?;
        Ok(Self {
            api: Metrics::new(registry)?,
            database: database.of(Role::Producer, registry)?,
            wakeups: WakeupMetrics::new(registry)?,
            ledger: Figures::new(registry)?,
            storage: StorageMetrics::new(registry)?,
        })
    }
}

/// The section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    Instruments::new(&registry)?.ledger.show_nothing();
    Ok(metrics_reference(NAME, SERIES, &registry, &OPEN))
}
