//! `eventpipeline-producer`: the HTTP API of a pipeline.
//!
//! Without a command it serves; `schema` brings the database's schema and users up to date and ends; `openapi` prints the API's
//! description, `metrics` the reference of its metrics.

mod api;
mod changer;
mod cli;
mod error;
mod instruments;
mod keeper;
mod ledger;
mod mailbox;
mod memory;
mod metrics;
mod reader;
mod retention;
mod schema;
mod serve;
mod storage;
mod surveyor;
mod waiters;
mod writer;

use std::process::ExitCode;

use cli::{Cli, Command};
use eventpipeline_service::{ended, print};
use serve::ServeArgs;

fn main() -> ExitCode {
    let text = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return serve::run(*args),
        Ok(Cli::Run(Command::Schema(args))) => return schema::run(*args),
        Ok(Cli::Run(Command::OpenApi)) => api::description(),
        Ok(Cli::Run(Command::Metrics)) => instruments::reference(),
        Err(code) => return code,
    };
    ended::<ServeArgs>(text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
