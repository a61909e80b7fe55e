//! `eventpipeline-operator`: the Kubernetes operator for EventPipelines.
//!
//! `serve` runs it. `crd`, `reference` and `metrics` print the CustomResourceDefinition and the references of
//! the resource and the metrics. `lint`, `render` and `diff` check pipelines without a cluster.

mod admin_client;
mod api;
mod cache;
mod cli;
mod controller;
mod eventpipeline;
mod gateway;
mod labels;
mod leadership;
mod metrics;
mod offline;
mod pods;
mod queue_stats;
mod routes;
mod run;

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use cli::Cli;
use eventpipeline_service::exit_code;

pub use offline::{lint_text, render_text};

/// Exit code of a command that failed. A usage error has the same code; 1 is a result of `lint`, `render` and
/// `diff`.
const FAILED: u8 = 2;

/// Returns the definition of the command line.
pub fn command() -> Command {
    Cli::command()
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let result = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return run::run(*args),
        Ok(Cli::Crd) => offline::crd(),
        Ok(Cli::Reference) => offline::reference(),
        Ok(Cli::Metrics) => offline::metrics(),
        Ok(Cli::Lint(args)) => offline::lint(args),
        Ok(Cli::Render(args)) => offline::render(args),
        Ok(Cli::Diff(args)) => offline::diff(args),
        Err(code) => return code,
    };
    exit_code(metrics::NAME, result, FAILED)
}
