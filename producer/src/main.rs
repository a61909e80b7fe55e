//! `eventpipeline-producer`: the HTTP API of a pipeline.
//!
//! Without a command it serves; `schema` brings the database's schema and users up to date and ends; `openapi` prints the API's
//! description.

mod api;
mod changer;
mod cli;
mod error;
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
        Ok(Cli::OpenApi) => match print_description() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                #[expect(
                    clippy::print_stderr,
                    reason = "logging is not configured for a command that prints"
                )]
                {
                    eprintln!("eventpipeline-producer: {error:#}");
                }
                ExitCode::FAILURE
            }
        },
        Err(code) => code,
    }
}

fn print_description() -> anyhow::Result<()> {
    let text = api::description()?;
    std::io::stdout().write_all(text.as_bytes()).context("failed to print the API's description")
}
