//! `eventpipeline-producer`: the HTTP API of a pipeline.
//!
//! Without a command it serves; `schema` brings the database's schema up to date and ends.

mod api;
mod error;
mod mailbox;
mod metrics;
mod reader;
mod schema;
mod serve;
mod waiters;
mod writer;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use eventpipeline_database::{Database, DatabaseArgs};
use eventpipeline_service::LogArgs;

/// Durable events over HTTP: an id at once, or the answer once the event is processed.
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-producer", version, args_conflicts_with_subcommands = true)]
#[command(subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Option<serve::ServeArgs>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database's schema up to date, waiting for the database as long as it takes, and end
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
struct SchemaArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

fn main() -> ExitCode {
    let cli = match eventpipeline_service::parse::<Cli>() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match (cli.command, cli.serve) {
        (Some(Command::Schema(SchemaArgs { log, database })), _) => eventpipeline_service::run_to_completion(
            "eventpipeline-producer schema",
            &log,
            schema::migrate(Database::new(database)),
        ),
        (None, Some(args)) => serve::run(args),
        // clap demands the arguments of `serve` where there is no command.
        (None, None) => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
