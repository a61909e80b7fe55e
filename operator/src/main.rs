//! `eventpipeline-operator` runs what each EventPipeline asks for and reports the progress.
//!
//! `serve` does so on a cluster; the other commands print references, or the effect of a pipeline, without one.

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
mod routes;
mod run;

use std::process::ExitCode;

use cli::Cli;
use eventpipeline_service::exit_code;

/// The code of a command that could not do what it was asked, as of one that was not understood: 1 is an answer of
/// `lint`, `render` and `diff`.
const CANNOT: u8 = 2;

fn main() -> ExitCode {
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
    exit_code(instruments::NAME, result, CANNOT)
}
