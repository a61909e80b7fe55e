//! The metric registry of a process.

mod factory;
mod reference;

use anyhow::Context;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, Opts, Registry};

pub use factory::MetricFactory;
pub use reference::{Budget, Label, metrics_reference};

/// Creates a registry with the metrics of the process and its build.
///
/// # Errors
/// If a description is invalid.
pub fn registry(binary: &'static str) -> anyhow::Result<Registry> {
    let registry = Registry::new();
    registry
        .register(Box::new(ProcessCollector::for_self()))
        .context("failed to register the process metrics")?;
    let info = IntGauge::with_opts(
        Opts::new("eventpipeline_build_info", "Always 1; the labels identify the running program.")
            .const_label("binary", binary)
            .const_label("version", env!("CARGO_PKG_VERSION")),
    )
    .context("failed to describe eventpipeline_build_info")?;
    info.set(1);
    registry.register(Box::new(info)).context("failed to register eventpipeline_build_info")?;
    Ok(registry)
}

/// Registers a metric and returns it.
///
/// # Errors
/// If the description is invalid or the name is already registered.
pub fn registered<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<M, prometheus::Error>,
) -> anyhow::Result<M> {
    let metric = metric.context("failed to describe a metric")?;
    registry.register(Box::new(metric.clone())).context("failed to register a metric")?;
    Ok(metric)
}
