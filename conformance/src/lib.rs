//! `eventpipeline-conformance`: checks a program in any language against the clauses of docs/contracts.

mod clause;
mod consumer;
mod database;
mod handler;
mod http;
mod producer;
mod program;
mod report;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use report::Report;

/// Checks a program against the contracts, clause by clause, and exits with 1 if it violates one
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-conformance", version)]
struct Cli {
    /// Also write the report as `JUnit` XML
    #[arg(long, global = true, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Check a producer at an address (docs/contracts/http.md). No other client may create events meanwhile
    Producer(producer::Args),
    /// Check a consumer, given its command (docs/contracts/tables.md), in a temporary database
    Consumer(consumer::Args),
    /// Check a database that programs have used (docs/contracts/tables.md), without writing to it
    Database(tables::Args),
    /// Check a handler at an address (docs/contracts/handlers.md)
    Handler(handler::Args),
}

/// Returns the definition of the command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with the arguments of this process.
///
/// # Errors
/// If a check cannot run. A clause that is violated is not an error.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    // A second installation fails, and the first one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(check(cli))
}

async fn check(Cli { junit, subject }: Cli) -> anyhow::Result<ExitCode> {
    let mut report = match &subject {
        Subject::Producer(_) => Report::new("producer"),
        Subject::Consumer(_) => Report::new("consumer"),
        Subject::Database(_) => Report::new("database"),
        Subject::Handler(_) => Report::new("handler"),
    };
    match subject {
        Subject::Producer(args) => producer::check(args, &mut report).await?,
        Subject::Consumer(args) => consumer::check(args, &mut report).await?,
        Subject::Database(args) => tables::check(args, &mut report).await?,
        Subject::Handler(args) => handler::check(args, &mut report).await?,
    }
    report.summary();
    if let Some(file) = junit {
        std::fs::write(file, report.junit())?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
