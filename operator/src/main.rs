//! `eventpipeline-operator`: runs what each EventPipeline asks for and reports how that is going.
//!
//! Without a command it runs; `crd` and `reference` print the resource definition and its reference, `metrics` that of
//! its metrics, and `lint`, `render` and `diff` tell without a cluster what would become of a pipeline.

mod api;
mod cli;
mod controller;
mod eventpipeline;
mod figures;
mod gateway;
mod instruments;
mod internal_port;
mod inventory;
mod leadership;
mod offline;
mod pods;
mod run;

use std::process::ExitCode;

use cli::Cli;

/// The code of a command that could not do what it was asked, as of one that was not understood: 1 is an answer of
/// `lint`, `render` and `diff`.
const CANNOT: u8 = 2;

fn main() -> ExitCode {
    let result = match eventpipeline_service::parse() {
        Ok(Cli::Run(args)) => return run::run(*args),
        Ok(Cli::Crd) => offline::crd(),
        Ok(Cli::Reference) => offline::reference(),
        Ok(Cli::Metrics) => offline::metrics(),
        Ok(Cli::Lint(args)) => offline::lint(args),
        Ok(Cli::Render(args)) => offline::render(args),
        Ok(Cli::Diff(args)) => offline::diff(args),
        Err(code) => return code,
    };
    result.unwrap_or_else(|error| {
        #[expect(clippy::print_stderr, reason = "logging is not configured for a command that prints")]
        {
            eprintln!("eventpipeline-operator: {error:#}");
        }
        ExitCode::from(CANNOT)
    })
}
