//! The `schema` command, which updates the tables, and the users of a managed database.

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

/// Pause before a retry while the database is not available.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause before a retry while another transaction blocks a table. Each try blocks the queue for at most two seconds.
const BLOCKED_PAUSE: Duration = Duration::from_secs(5);

/// Runs the command.
pub(crate) fn run(args: SchemaArgs) -> ExitCode {
    let SchemaArgs { log, database, schema, classic, lanes, keys, accounts } = args;
    eventpipeline_service::run_to_completion("eventpipeline-producer schema", &log, async {
        // A job exports no metrics.
        let metrics = Metrics::new(&Registry::new()).context("failed to register the database metrics")?;
        let database = Database::new(schema.instead_of(database), metrics);
        let classic = classic.into();
        let version = until_done(&database, async || database.migrate().await).await;
        let version = version.context("failed to update the schema")?;
        info!(version, "the schema is at version {version}");
        let support = until_done(&database, async || database.apply_classic_support(classic).await).await;
        support.context("failed to apply the support for classic programs")?;
        let moved = until_done(&database, async || database.apply_lanes(&lanes).await).await;
        moved.context("failed to replace the lanes")?;
        let ruled = until_done(&database, async || database.apply_key_rules(keys).await).await;
        ruled.context("failed to store the rules for keys")?;
        match Accounts::read(accounts)? {
            Some(accounts) => accounts.establish(&database, classic).await,
            None => Ok(()),
        }
    })
}

/// Retries a change until the database is available and writable, and no other transaction blocks a table. Other errors are
/// returned.
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
                    log_outage(database, &outage.0, outage.1);
                }
                reported = Some(outage);
                tokio::time::sleep(PAUSE).await;
            }
            Err(error @ Error::SchemaBlocked { .. }) => {
                warn!(error = error_chain(&error), "{error}; retrying in {} s", BLOCKED_PAUSE.as_secs());
                tokio::time::sleep(BLOCKED_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Logs an outage. It is normal while the system starts.
fn log_outage(database: &Database, error: &str, is_starting: bool) {
    let address = database.address();
    if is_starting {
        info!(error, "waiting for the database at {address}");
    } else {
        warn!(error, "waiting for the database at {address}");
    }
}
