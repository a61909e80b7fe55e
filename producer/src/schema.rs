//! The `schema` command: the tables, and where the database is ours the users that programs connect as.

mod accounts;
mod args;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_database::{Database, Error, Metrics};
use eventpipeline_service::chain;
use prometheus::Registry;
use tracing::{info, warn};

use accounts::Accounts;
pub(crate) use args::SchemaArgs;

/// How long to wait before the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(args: SchemaArgs) -> ExitCode {
    let SchemaArgs { log, database, schema, classic, accounts } = args;
    eventpipeline_service::run_to_completion("eventpipeline-producer schema", &log, async {
        // Nobody reads the metrics of a job.
        let metrics = Metrics::new(&Registry::new()).context("failed to register the database's metrics")?;
        let database = Database::new(schema.instead_of(database), metrics);
        migrate(&database).await?;
        database.make_room_for(classic.into()).await.context("failed to make room for classic programs")?;
        match Accounts::read(accounts)? {
            Some(accounts) => accounts.establish(&database).await,
            None => Ok(()),
        }
    })
}

/// Brings the schema up to date. A database that is not there yet is waited for; anything else is an error.
async fn migrate(database: &Database) -> anyhow::Result<()> {
    loop {
        match database.migrate().await {
            Ok(version) => {
                info!(version, "the schema is at version {version}");
                return Ok(());
            }
            Err(error @ (Error::Connect { .. } | Error::Timeout { .. })) => {
                let address = database.address();
                let error = chain(&error);
                warn!(error, "waiting for the database at {address}");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error).context("failed to bring the schema up to date"),
        }
    }
}
