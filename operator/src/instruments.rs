//! All metrics of the process, and their reference.

use anyhow::Context as _;
use eventpipeline_service::{Budget, Label, metrics_reference};
use prometheus::Registry;

use crate::api::Counted;
use crate::controller::{Metrics, Pipeline};
use crate::leadership::Leads;

/// The program's name.
pub(crate) const NAME: &str = "eventpipeline-operator";

/// The most series that there may be. Held by `tests/it/metrics.rs`.
const SERIES: Budget = Budget { process: 250, pipeline: 35 };

/// Labels whose values are not all there from the start.
const OPEN: [Label; 3] = [
    Label { name: "namespace", values: "the pipeline's namespace" },
    Label { name: "eventpipeline", values: "the pipeline's name" },
    Label {
        name: "code",
        values: "200, 201 and `<error>` from the start, others once the API server answers them",
    },
];

/// The metrics by what they are of.
pub(crate) struct Instruments {
    pub(crate) requests: Counted,
    pub(crate) leads: Leads,
    pub(crate) controller: Metrics,
}

impl Instruments {
    /// Metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        Ok(Self {
            requests: Counted::new(registry)?,
            leads: Leads::new(registry)?,
            controller: Metrics::new(registry)?,
        })
    }
}

/// The section of the reference page.
pub(crate) fn reference() -> anyhow::Result<String> {
    let registry = eventpipeline_service::registry(NAME)?;
    let instruments = Instruments::new(&registry)?;
    instruments.leads.of("eventpipeline-operator");
    let shown = instruments.controller.show(|| vec![Pipeline::any()]);
    shown.context("failed to show a pipeline")?;
    Ok(metrics_reference(NAME, SERIES, &registry, &OPEN))
}
