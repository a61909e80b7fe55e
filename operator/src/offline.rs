//! Commands that work without a cluster, with the operator's own code: `lint`, `render` and `diff`.

mod diff;
mod documents;
mod finding;
mod lint;
mod pipeline;
mod render;
mod schema;
#[cfg(test)]
mod tests;
mod warnings;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;
use eventpipeline_crds::{reference, yaml};
use eventpipeline_service::print;
use serde::Serialize;

use crate::metrics;

pub(crate) use diff::DiffArgs;
pub(crate) use lint::LintArgs;
pub(crate) use render::RenderArgs;

/// Default image, the same as in the chart.
const DEFAULT_IMAGE: &str = concat!("eventpipeline:", env!("CARGO_PKG_VERSION"));

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Text for people
    Text,
    /// One JSON document for programs
    Json,
}

/// Prints the resource definition.
pub(crate) fn crd() -> anyhow::Result<ExitCode> {
    let yaml = yaml::crd().context("failed to write the resource definition as YAML")?;
    print(&yaml)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the reference of the resource.
pub(crate) fn reference() -> anyhow::Result<ExitCode> {
    print(&reference::markdown())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the reference of the operator's metrics.
pub(crate) fn metrics() -> anyhow::Result<ExitCode> {
    print(&metrics::reference()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the findings of `lint` about the pipelines of a YAML text as lines.
///
/// # Errors
/// If the resource definition cannot be read.
pub fn lint_text(yaml: &str) -> anyhow::Result<Vec<String>> {
    lint::text(yaml)
}

/// Returns the objects that the operator would apply for the pipelines of a YAML text, as YAML.
///
/// # Errors
/// If the text is not YAML, or a pipeline is invalid.
pub fn render_text(yaml: &str) -> anyhow::Result<String> {
    render::text(yaml)
}

/// Prints errors and warnings about pipelines. Fails if the API server or the operator would refuse one.
pub(crate) fn lint(args: LintArgs) -> anyhow::Result<ExitCode> {
    lint::run(args)
}

/// Prints the objects that the operator would apply. Fails if a pipeline is invalid.
pub(crate) fn render(args: RenderArgs) -> anyhow::Result<ExitCode> {
    render::run(args)
}

/// Prints the effects of a change. Fails if the change is invalid.
pub(crate) fn diff(args: DiffArgs) -> anyhow::Result<ExitCode> {
    diff::run(args)
}

/// Returns the exit code: 1 if anything is refused, otherwise 0.
fn code(refused: bool) -> ExitCode {
    if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print_json(result: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(result).context("failed to write the result as JSON")?;
    print(&format!("{json}\n"))
}

/// Returns a number with its noun: `1 error`, `2 errors`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
