//! `eventpipeline-producer`: the HTTP API of a pipeline, and its database schema.

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

use cli::Cli;
use eventpipeline_service::{exit_code, print};

fn main() -> ExitCode {
    let text = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return serve::run(*args),
        Ok(Cli::Schema(args)) => return schema::run(*args),
        Ok(Cli::OpenApi) => api::description(),
        Ok(Cli::Metrics) => instruments::reference(),
        Err(code) => return code,
    };
    exit_code(instruments::NAME, text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
