//! The dashboards that are shipped.

mod operator;
mod overview;
mod pipeline;

use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

use crate::grafana::{Dashboard, Kind, Panel, Query, Unit, Variable};

/// Which dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum Name {
    /// All pipelines.
    Overview,
    /// One pipeline in depth.
    Pipeline,
    /// The operator.
    Operator,
}

/// A dashboard by its name.
#[must_use]
pub fn dashboard(name: Name) -> Dashboard {
    match name {
        Name::Overview => overview::dashboard(),
        Name::Pipeline => pipeline::dashboard(),
        Name::Operator => operator::dashboard(),
    }
}

/// All of them.
pub fn dashboards() -> impl Iterator<Item = (Name, Dashboard)> {
    Name::iter().map(|name| (name, dashboard(name)))
}

/// Several of the scraped jobs, and several of their processes.
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
