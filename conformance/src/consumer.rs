//! The clauses of docs/contracts/tables.md for consumers, in a database that records every change.

mod checks;
mod scratch;

use std::ffi::OsString;
use std::time::Duration;

use eventpipeline_database::DatabaseArgs;

use crate::report::Report;
use scratch::Scratch;

/// The consumer to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server, and a user that may create and drop the database `NAME_conformance` and triggers in it
    #[command(flatten)]
    database: DatabaseArgs,
    /// Time limit in seconds for some hundred events, including the start
    #[arg(long, default_value_t = 60)]
    patience_seconds: u64,
    /// Command that starts the consumer, with the variables of a group
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let patience = Duration::from_secs(args.patience_seconds);
    let mut scratch = Scratch::create(args.database, args.command, patience).await?;
    checks::all(&mut scratch, report).await;
    scratch.remove().await
}
