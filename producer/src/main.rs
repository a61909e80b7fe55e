//! `eventpipeline-producer`: the HTTP API of a pipeline.
//!
//! Without a command it serves; `schema` brings the database's schema and users up to date and ends; `openapi` prints the API's
//! description, `metrics` the reference of its metrics.

mod api;
mod changer;
mod cli;
mod error;
mod instruments;
mod ledger;
mod mailbox;
mod memory;
mod metrics;
mod reader;
mod schema;
mod serve;
mod surveyor;
mod waiters;
mod writer;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use cli::Cli;

fn main() -> ExitCode {
    match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => serve::run(*args),
        Ok(Cli::Schema(args)) => schema::run(*args),
        Ok(Cli::OpenApi) => print(api::description()),
        Ok(Cli::Metrics) => print(instruments::reference()),
        Err(code) => code,
    }
}

fn print(text: anyhow::Result<String>) -> ExitCode {
    let printed = text.and_then(|text| {
        std::io::stdout().write_all(text.as_bytes()).context("failed to print what was asked for")
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "logging is not configured for a command that prints")]
            {
                eprintln!("eventpipeline-producer: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
