//! The `schema` command: the tables, and where the database is ours the users that programs connect as.

mod accounts;
mod args;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_database::{Database, Error, Metrics};
use eventpipeline_service::{STARTUP, error_chain};
use prometheus::Registry;
use tracing::{info, warn};

use accounts::Accounts;
pub(crate) use args::SchemaArgs;

/// How long to wait before the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the queue goes on undisturbed before a table that others use is tried again, for two seconds.
const BLOCKED_PAUSE: Duration = Duration::from_secs(5);

/// Runs the command.
pub(crate) fn run(args: SchemaArgs) -> ExitCode {
    let SchemaArgs { log, database, schema, classic, accounts } = args;
    eventpipeline_service::run_to_completion("eventpipeline-producer schema", &log, async {
        // Nobody reads the metrics of a job.
        let metrics = Metrics::new(&Registry::new()).context("failed to register the database's metrics")?;
        let database = Database::new(schema.instead_of(database), metrics);
        let classic = classic.into();
        let version = until_done(&database, async || database.migrate().await).await;
        let version = version.context("failed to bring the schema up to date")?;
        info!(version, "the schema is at version {version}");
        let room = until_done(&database, async || database.apply_classic_support(classic).await).await;
        room.context("failed to make room for classic programs")?;
        match Accounts::read(accounts)? {
            Some(accounts) => accounts.establish(&database, classic).await,
            None => Ok(()),
        }
    })
}

/// Does it, once the database is there, takes writes, and nobody's transaction is in the way. In between the queue goes on; any
/// other error is one.
async fn until_done<T>(
    database: &Database,
    mut change: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let started = Instant::now();
    let mut reported = None;
    loop {
        match change().await {
            Err(error) if error.is_outage() => {
                let outage = (error_chain(&error), started.elapsed() < STARTUP);
                if reported.as_ref() != Some(&outage) {
                    report_outage(database, &outage.0, outage.1);
                }
                reported = Some(outage);
                tokio::time::sleep(PAUSE).await;
            }
            Err(error @ Error::SchemaBlocked { .. }) => {
                warn!(error = error_chain(&error), "{error}; trying again in {} s", BLOCKED_PAUSE.as_secs());
                tokio::time::sleep(BLOCKED_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Logs why the database cannot be used. While the system starts it is normal that it cannot.
fn report_outage(database: &Database, error: &str, is_starting: bool) {
    let address = database.address();
    if is_starting {
        info!(error, "waiting for the database at {address}");
    } else {
        warn!(error, "waiting for the database at {address}");
    }
}
