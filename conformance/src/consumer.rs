//! The clauses of docs/contracts/tables.md for consumers, in a database whose every change is written down.

mod checks;
mod scratch;

use std::ffi::OsString;
use std::time::Duration;

use eventpipeline_database::DatabaseArgs;

use crate::report::Report;
use scratch::Scratch;

/// Which consumer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Server, and a user that may create and drop the database `NAME_conformance` and triggers in it
    #[command(flatten)]
    database: DatabaseArgs,
    /// Seconds that some hundred events may take, a start included
    #[arg(long, default_value_t = 60)]
    patience_seconds: u64,
    /// Command that starts the consumer: it gets the variables of a group
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let patience = Duration::from_secs(args.patience_seconds);
    let mut scratch = Scratch::create(args.database, args.command, patience).await?;
    checks::all(&mut scratch, report).await;
    scratch.remove().await
}
