//! `eventpipeline-producer`: the HTTP API of a pipeline.
//!
//! Without a command it serves; `schema` brings the database's schema up to date and ends.

mod api;
mod cli;
mod error;
mod mailbox;
mod metrics;
mod reader;
mod schema;
mod serve;
mod waiters;
mod writer;

use std::process::ExitCode;

use cli::{Cli, SchemaArgs};
use eventpipeline_database::Database;

fn main() -> ExitCode {
    match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => serve::run(*args),
        Ok(Cli::Schema(SchemaArgs { log, database })) => eventpipeline_service::run_to_completion(
            "eventpipeline-producer schema",
            &log,
            schema::migrate(Database::new(database)),
        ),
        Err(code) => code,
    }
}
