//! `eventpipeline-agent` runs next to mysqld in the database's pod and reports how full the volume is and
//! with what.
//!
//! It mounts the data volume read-only and never connects to the database.

mod cli;
mod files;
mod measure;
mod metrics;
mod serve;
mod watch;

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use cli::Cli;
use eventpipeline_service::{exit_code, print};

/// Returns the definition of the command line.
pub fn command() -> Command {
    Cli::command()
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let text = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return serve::run(*args),
        Ok(Cli::Metrics) => metrics::reference(),
        Err(code) => return code,
    };
    exit_code(metrics::NAME, text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
