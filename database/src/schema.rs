//! The schema: brought up to date by one program at a time, and checked by all before they use it.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::mysql::MySqlConnection;

use crate::error::{Error, number, number_of};
use crate::session::{Database, Session};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long to wait for another program's migration.
const LOCK_LIMIT: Duration = Duration::from_mins(10);

/// The newest version that this program knows.
fn known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Database {
    /// Brings the schema up to date and gives its version. Any number of programs may do so at once.
    ///
    /// # Errors
    /// [`Error::SchemaNew`] when a newer program was here: going back is not possible. [`Error::ForeignTables`] when the
    /// tables were made by somebody else.
    pub async fn migrate(&self) -> Result<i64, Error> {
        let mut connection = self.connect().await?;
        // sqlx's own lock waits for ever on MySQL and not at all on MariaDB. This one ends with the connection.
        let locked: Option<i64> =
            sqlx::query_scalar("SELECT GET_LOCK(CONCAT('eventpipeline.', DATABASE()), ?)")
                .bind(LOCK_LIMIT.as_secs())
                .fetch_one(&mut connection)
                .await
                .map_err(failed_to("lock the schema"))?;
        if locked != Some(1) {
            return Err(Error::SchemaLocked { limit: LOCK_LIMIT });
        }
        match applied(&mut connection).await? {
            Some(found) if found > known() => return Err(Error::SchemaNew { found, known: known() }),
            Some(_) => forget_unfinished(&mut connection).await?,
            None => refuse_foreign_tables(&mut connection).await?,
        }
        let mut migrator = Migrator { migrations: MIGRATIONS.migrations.clone(), ..Migrator::DEFAULT };
        migrator.set_locking(false);
        migrator.run(&mut connection).await.map_err(Error::Migrate)?;
        Ok(known())
    }
}

impl Session {
    /// Whether the schema is the one that this program knows.
    pub async fn check_schema(&mut self) -> Result<(), Error> {
        let found = self
            .run("read the schema's version", async |connection| match newest(connection).await {
                Err(error) if number_of(&error) == Some(number::NO_SUCH_TABLE) => Ok(None),
                other => other,
            })
            .await?
            .unwrap_or_default();
        match known() {
            needed if found < needed => Err(Error::SchemaOld { found, needed }),
            known if found > known => Err(Error::SchemaNew { found, known }),
            _ => Ok(()),
        }
    }
}

async fn newest(connection: &mut MySqlConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(connection).await
}

/// The newest version applied; `None` when no program of ours was here.
async fn applied(connection: &mut MySqlConnection) -> Result<Option<i64>, Error> {
    match newest(connection).await {
        Ok(version) => Ok(Some(version.unwrap_or_default())),
        Err(error) if number_of(&error) == Some(number::NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(failed_to("read the schema's version")(error)),
    }
}

/// A migration that was killed half-way is to be run again: each is written so that it can be.
async fn forget_unfinished(connection: &mut MySqlConnection) -> Result<(), Error> {
    sqlx::query("DELETE FROM _sqlx_migrations WHERE NOT success")
        .execute(connection)
        .await
        .map_err(failed_to("clear an unfinished migration"))?;
    Ok(())
}

async fn refuse_foreign_tables(connection: &mut MySqlConnection) -> Result<(), Error> {
    let foreign: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name IN ('Events', 'DBStatus')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed_to("look for tables"))?;
    if foreign > 0 { Err(Error::ForeignTables) } else { Ok(()) }
}

fn failed_to(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |source| Error::Query { operation, source }
}
