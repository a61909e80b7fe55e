//! The shipped dashboards.

mod operator;
mod overview;
mod pipeline;

use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

use crate::grafana::{Dashboard, Kind, Panel, Query, Unit, Variable};

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
    Panel { title, description, kind, unit, queries }
}
