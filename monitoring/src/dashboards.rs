//! The shipped dashboards.

mod operator;
mod overview;
mod pipeline;

use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

use crate::grafana::{Dashboard, Kind, Levels, Panel, Query, Unit, Variable};
use crate::rules::Threshold;

/// Name of a dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum Name {
    /// All pipelines.
    Overview,
    /// One pipeline in detail.
    Pipeline,
    /// The operator.
    Operator,
}

/// Returns a dashboard by its name.
#[must_use]
pub fn dashboard(name: Name) -> Dashboard {
    match name {
        Name::Overview => overview::dashboard(),
        Name::Pipeline => pipeline::dashboard(),
        Name::Operator => operator::dashboard(),
    }
}

/// Returns all dashboards.
pub fn dashboards() -> impl Iterator<Item = (Name, Dashboard)> {
    Name::iter().map(|name| (name, dashboard(name)))
}

/// Returns multi-value variables for the scraped jobs and their instances.
fn job_and_instance(of: &'static str) -> [Variable; 2] {
    [
        Variable { name: "job", label: "Job", of, several: true },
        Variable { name: "instance", label: "Instance", of, several: true },
    ]
}

fn panel<const N: usize>(
    (kind, unit): (Kind, Unit),
    title: &'static str,
    description: &'static str,
    queries: [(&'static str, String); N],
) -> Panel {
    let queries = queries.into_iter().map(|(legend, expr)| Query { expr, legend }).collect();
    Panel {
        title,
        description,
        kind,
        unit,
        queries,
        levels: Levels::neutral(),
        limits: Vec::new(),
        colors: Vec::new(),
        columns: Vec::new(),
    }
}

/// Returns the colors of the oldest pending event's age: red where `EventPipelineBacklogLate` becomes pending.
fn age_levels() -> Levels {
    let late = Threshold::BacklogLateSeconds.default_value();
    Levels::low_is_good(late / 5.0, late)
}

/// Returns the colors of a share of failures: orange above the error budget of 0.1 %, red where `EventPipelineProducerErrors` becomes
/// pending.
fn failure_levels() -> Levels {
    Levels::low_is_good(0.001, Threshold::RequestFailureRatio.default_value())
}
