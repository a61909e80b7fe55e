//! All metrics of the process, and the reference of them.

use anyhow::Context as _;
use eventpipeline_service::{Budget, Label, metrics_reference};
use prometheus::Registry;

use crate::api::ClientMetrics;
use crate::controller::{ControllerMetrics, Pipeline};
use crate::leadership::Leads;

/// Name of the program.
pub(crate) const NAME: &str = "eventpipeline-operator";

/// Maximum number of series, checked by `tests/it/metrics.rs`.
const SERIES: Budget = Budget { process: 250, pipeline: 35 };

/// Labels whose values are not known in advance.
const OPEN: [Label; 3] = [
    Label { name: "namespace", values: "the pipeline's namespace" },
    Label { name: "eventpipeline", values: "the pipeline's name" },
    Label {
        name: "code",
        values: "200, 201 and `<error>` from the start, others once the API server answers them",
    },
];

/// The metrics by subject.
pub(crate) struct Metrics {
    pub(crate) client: ClientMetrics,
    pub(crate) leads: Leads,
    pub(crate) controller: ControllerMetrics,
}

impl Metrics {
    /// Registers all metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        Ok(Self {
            client: ClientMetrics::new(registry)?,
            leads: Leads::new(registry)?,
            controller: ControllerMetrics::new(registry)?,
        })
    }
}

/// Returns the section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    let metrics = Metrics::new(&registry)?;
    metrics.leads.of("eventpipeline-operator");
    let shown = metrics.controller.show(|| vec![Pipeline::any()]);
    shown.context("failed to register the metrics of a pipeline")?;
    Ok(metrics_reference(NAME, SERIES, &registry, &OPEN))
}
