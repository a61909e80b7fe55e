//! The schema: one program at a time migrates it, and all programs check it before they use it.
//!
//! Expand, then contract: a migration adds what the next version needs while programs of the previous version continue. It
//! stores the oldest compatible program in `SchemaCompatibility`. What only old programs need is dropped one version later.

use std::time::Duration;

use sqlx::Executor as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlConnection;
use tracing::warn;

use crate::error::{Error, number, number_of};
use crate::holders::Held;
use crate::operations::OperationName;
use crate::role::Role;
use crate::session::{Database, Operation, Session};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Maximum wait for another program's migration.
const LOCK_LIMIT: Duration = Duration::from_mins(10);

/// Returns the newest version that this program knows.
fn known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Database {
    /// Migrates the schema and returns its version. Any number of programs may call this concurrently.
    ///
    /// # Errors
    /// Returns [`Error::SchemaNew`] if a newer program left a schema that this one cannot use.
    /// Returns [`Error::ForeignTables`] if another program created the tables.
    pub async fn migrate(&self) -> Result<i64, Error> {
        let mut connection = self.connect_for_changes().await?;
        lock(&mut connection).await?;
        let found =
            ReadVersion.attempt(&mut connection).await.map_err(failed_to(ReadVersion::NAME.into()))?;
        match found {
            Some(found) if found > known() => {
                // A newer program has migrated the schema; this one may be compatible with it.
                let oldest =
                    ReadOldest.attempt(&mut connection).await.map_err(failed_to(ReadOldest::NAME.into()))?;
                return compatible(found, oldest).map(|()| found);
            }
            Some(_) => forget_unfinished(&mut connection).await?,
            None => refuse_foreign_tables(&mut connection).await?,
        }
        let mut migrator = Migrator { migrations: MIGRATIONS.migrations.clone(), ..Migrator::DEFAULT };
        migrator.set_locking(false);
        match migrator.run(&mut connection).await {
            Ok(()) => {}
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _))
                if is_lock(&source) =>
            {
                return Err(self.blocked(source).await);
            }
            Err(error) => return Err(Error::Migrate(error)),
        }
        add_missing_rows(&mut connection).await.map_err(failed_to("add missing rows"))?;
        Ok(known())
    }

    /// Returns the error of a change that could not lock a table.
    pub(crate) async fn blocked(&self, source: sqlx::Error) -> Error {
        Error::SchemaBlocked { holders: self.holders(Held::Tables).await, source }
    }
}

/// Returns whether a table could not be locked.
pub(crate) fn is_lock(error: &sqlx::Error) -> bool {
    number_of(error) == Some(number::LOCK_WAIT_TIMEOUT)
}

/// Restores the rows that only the first migration inserts, from the contents of the other tables. The counter is set after
/// every id that these tables know.
async fn add_missing_rows(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let (counters, ledgers) = CountRequiredRows.attempt(connection).await?;
    if counters == 0 {
        let counter = "INSERT INTO DBStatus (id) SELECT GREATEST(\
             COALESCE((SELECT MAX(id) FROM Events), 0), \
             COALESCE((SELECT MAX(first_id + events - 1) FROM IdempotencyKeys), 0), \
             COALESCE((SELECT MAX(last) FROM IdBlocks), 0), \
             (SELECT COUNT(*) FROM Events) + COALESCE((SELECT removed FROM Ledger), 0) \
             + COALESCE((SELECT SUM(last - used + skipped) FROM IdBlocks), 0))";
        connection.execute(counter).await?;
        warn!("DBStatus had no row: added one with the highest id that the other tables know");
    }
    connection.execute("INSERT IGNORE INTO Lanes (lane, name) VALUES (0, '')").await?;
    if ledgers == 0 {
        let ledger = "INSERT INTO Ledger (removed) \
             SELECT GREATEST(0, (SELECT id FROM DBStatus) - (SELECT COUNT(*) FROM Events) \
             - COALESCE((SELECT SUM(last - used + skipped) FROM IdBlocks), 0))";
        connection.execute(ledger).await?;
        warn!("Ledger had no row: added one that counts all missing events as removed");
    }
    Ok(())
}

impl Session {
    /// Returns an error if a program of this kind cannot use the database.
    pub(crate) async fn check(&mut self, role: Role) -> Result<(), Error> {
        self.check_not_demoted().await?;
        self.check_schema().await?;
        // Consumers neither need these tables nor may read them.
        if role == Role::Consumer {
            return Ok(());
        }
        match self.run(&CountRequiredRows).await? {
            (0, _) => Err(Error::RowMissing { table: "DBStatus" }),
            (_, 0) => Err(Error::RowMissing { table: "Ledger" }),
            _ => Ok(()),
        }
    }

    /// Returns an error unless this program can use the schema: it knows the version, or a newer one is declared compatible.
    pub async fn check_schema(&mut self) -> Result<(), Error> {
        let found = self.run(&ReadVersion).await?.unwrap_or_default();
        match known() {
            needed if found < needed => Err(Error::SchemaOld { found, needed }),
            known if found > known => compatible(found, self.run(&ReadOldest).await?),
            _ => Ok(()),
        }
    }
}

/// Checks this program against `oldest`, the oldest program that may use the schema of version `found`.
fn compatible(found: i64, oldest: i64) -> Result<(), Error> {
    if known() >= oldest { Ok(()) } else { Err(Error::SchemaNew { found, known: known() }) }
}

/// Counts the rows of the tables that must have one: the counter and the ledger.
struct CountRequiredRows;

impl Operation for CountRequiredRows {
    const NAME: OperationName = OperationName::CountRequiredRows;
    type Output = (i64, i64);

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(i64, i64), sqlx::Error> {
        sqlx::query_as("SELECT (SELECT COUNT(*) FROM DBStatus), (SELECT COUNT(*) FROM Ledger)")
            .fetch_one(connection)
            .await
    }
}

/// Reads the oldest program that may use the schema.
struct ReadOldest;

impl Operation for ReadOldest {
    const NAME: OperationName = OperationName::ReadCompatibility;
    type Output = i64;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT oldest_program FROM SchemaCompatibility").fetch_one(connection).await
    }
}

/// Reads the newest applied version; `None` if the database was never migrated.
struct ReadVersion;

impl Operation for ReadVersion {
    const NAME: OperationName = OperationName::ReadVersion;
    type Output = Option<i64>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<i64>, sqlx::Error> {
        let newest = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success");
        match newest.fetch_one(connection).await {
            Ok(version) => Ok(Some(Option::unwrap_or_default(version))),
            Err(error) if number_of(&error) == Some(number::NO_SUCH_TABLE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The lock's name is hashed, because it may have at most 64 characters, and so may the database's.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('eventpipeline.', LEFT(SHA2(DATABASE(), 256), 32)), ?)";

/// Locks the schema until the connection closes. sqlx's own lock waits forever on MySQL, and not at all on MariaDB.
pub(crate) async fn lock(connection: &mut MySqlConnection) -> Result<(), Error> {
    let locked: Option<i64> = sqlx::query_scalar(LOCK)
        .bind(LOCK_LIMIT.as_secs())
        .fetch_one(connection)
        .await
        .map_err(failed_to("lock the schema"))?;
    if locked == Some(1) { Ok(()) } else { Err(Error::SchemaLocked { limit: LOCK_LIMIT }) }
}

/// Forgets migrations that were killed half-way, so that they run again. Each migration is written to be re-runnable.
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
         WHERE table_schema = DATABASE() AND table_name IN ('Events', 'DBStatus', 'IdempotencyKeys', 'Ledger', 'KeeperPulse', \
         'IdBlocks', 'ClaimCursor', 'LaneCursors', 'Lanes', 'LaneTypes', 'EventKeys', 'KeySettings')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed_to("read the tables"))?;
    if foreign > 0 { Err(Error::ForeignTables) } else { Ok(()) }
}

pub(crate) fn failed_to(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |source| Error::Query { operation, source }
}
