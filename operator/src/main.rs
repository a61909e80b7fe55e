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
mod routes;
mod run;

use std::process::ExitCode;

use cli::{Cli, Command, RunArgs};
use eventpipeline_service::ended;

/// The code of a command that could not do what it was asked, as of one that was not understood: 1 is an answer of
/// `lint`, `render` and `diff`.
const CANNOT: u8 = 2;

fn main() -> ExitCode {
    let result = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return run::run(*args),
        Ok(Cli::Run(Command::Crd)) => offline::crd(),
        Ok(Cli::Run(Command::Reference)) => offline::reference(),
        Ok(Cli::Run(Command::Metrics)) => offline::metrics(),
        Ok(Cli::Run(Command::Lint(args))) => offline::lint(args),
        Ok(Cli::Run(Command::Render(args))) => offline::render(args),
        Ok(Cli::Run(Command::Diff(args))) => offline::diff(args),
        Err(code) => return code,
    };
    ended::<RunArgs>(result, CANNOT)
}
