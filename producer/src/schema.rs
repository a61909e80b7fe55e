//! The `schema` command.

use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_database::{Database, Error};
use eventpipeline_service::chain;
use tracing::{info, warn};

/// How long to wait before the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Brings the schema up to date. A database that is not there yet is waited for; anything else is an error.
pub(crate) async fn migrate(database: Database) -> anyhow::Result<()> {
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
