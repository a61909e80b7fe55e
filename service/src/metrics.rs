//! The metric registry of a process, and how metrics get into it.

mod maker;
mod reference;

use anyhow::Context;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, Opts, Registry};

pub use maker::Maker;
pub use reference::{Budget, Label, metrics_reference};

/// A registry that already shows the process's own figures and what is running.
///
/// # Errors
/// A description that is invalid.
pub fn registry(binary: &'static str) -> anyhow::Result<Registry> {
    let registry = Registry::new();
    registry
        .register(Box::new(ProcessCollector::for_self()))
        .context("failed to register the process metrics")?;
    let info = IntGauge::with_opts(
        Opts::new("eventpipeline_build_info", "Always 1; the labels say what is running.")
            .const_label("binary", binary)
            .const_label("version", env!("CARGO_PKG_VERSION")),
    )
    .context("failed to describe eventpipeline_build_info")?;
    info.set(1);
    registry.register(Box::new(info)).context("failed to register eventpipeline_build_info")?;
    Ok(registry)
}

/// A metric that is in the registry, from one that was just described.
///
/// # Errors
/// An invalid description, or a name that is taken.
pub fn registered<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<M, prometheus::Error>,
) -> anyhow::Result<M> {
    let metric = metric.context("failed to describe a metric")?;
    registry.register(Box::new(metric.clone())).context("failed to register a metric")?;
    Ok(metric)
}
