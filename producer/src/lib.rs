//! `eventpipeline-producer`: the HTTP API of a pipeline, and its database schema.

mod cli;
mod db;
mod error;
mod http;
mod memory_budget;
mod metrics;
mod schema;
mod serve;
mod storage;
mod tasks;
mod waits;

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
        Ok(Cli::Schema(args)) => return schema::run(*args),
        Ok(Cli::OpenApi) => http::description(),
        Ok(Cli::Metrics) => metrics::reference(),
        Err(code) => return code,
    };
    exit_code(metrics::NAME, text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
