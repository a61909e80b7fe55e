//! What can go wrong between the queue and its database.

use std::path::PathBuf;
use std::time::Duration;

/// A database operation that did not happen, or of which nobody knows whether it happened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password file went away after the start.
    #[error("failed to read the password file {path:?}")]
    PasswordFile {
        /// Where it was expected.
        path: PathBuf,
        /// Why it could not be read.
        source: std::io::Error,
    },
    /// No connection could be made.
    #[error("failed to connect to the database at {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the driver or the server says.
        source: sqlx::Error,
    },
    /// The server answered with an error, or the connection broke.
    #[error("failed to {operation}")]
    Query {
        /// The operation, as a verb: `create events`.
        operation: &'static str,
        /// What the driver or the server says.
        source: sqlx::Error,
    },
    /// The server did not answer in time. The connection is given up; what it was doing may still take effect.
    #[error("failed to {operation}: the database gave no answer within {} s", limit.as_secs())]
    Timeout {
        /// The operation, as a verb.
        operation: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The schema is older than this program, or not there.
    #[error(
        "the database's schema is at version {found}, this program needs {needed}: run `eventpipeline-producer schema`"
    )]
    SchemaOld {
        /// The newest version applied; 0 when there is none.
        found: i64,
        /// The newest version that this program knows.
        needed: i64,
    },
    /// The schema is newer than this program.
    #[error(
        "the database's schema is at version {found}, this program knows only {known}: run a newer program"
    )]
    SchemaNew {
        /// The newest version applied.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database holds an `Events` table that this program did not make.
    #[error("the database has a table Events of another origin; give the pipeline a database of its own")]
    ForeignTables,
    /// The database's clock has stepped a moment ago: nobody knows how old an event is.
    #[error("the database's clock has stepped: nothing is removed for {} s", quiet.as_secs())]
    ClockStepped {
        /// How long after a step.
        quiet: Duration,
    },
    /// The database's clock is another one than this program's: nobody knows how old an event is.
    #[error(
        "the database's clock is {seconds} s ahead of this program's: nothing is removed until they agree to five minutes; \
         synchronize the clocks of the machines (NTP)"
    )]
    ClockDisagrees {
        /// How far it is ahead; less than 0 where it is behind.
        seconds: i64,
    },
    /// A migration could not be applied.
    #[error("failed to migrate the schema")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database's user may not make a trigger that classic producers need.
    #[error(
        "the database lets this user make no trigger, which producers that know only the classic columns need: give it \
         TRIGGER on the database, and set log_bin_trust_function_creators = 1 on the server; or declare no such producers"
    )]
    TriggerRefused {
        /// What the server says.
        source: sqlx::Error,
    },
    /// Another program held the schema's lock all the time.
    #[error("another program is migrating the schema and did not finish within {} s", limit.as_secs())]
    SchemaLocked {
        /// How long it was waited for.
        limit: Duration,
    },
}

/// MySQL's error numbers that mean something to the queue.
/// Source: MySQL Server Error Message Reference; MariaDB uses the same numbers.
pub(crate) mod number {
    /// `ER_DUP_ENTRY`
    pub(crate) const DUPLICATE_ENTRY: u16 = 1062;
    /// `ER_BAD_NULL_ERROR`
    pub(crate) const NULL_COLUMN: u16 = 1048;
    /// `ER_LOCK_WAIT_TIMEOUT`
    pub(crate) const LOCK_WAIT_TIMEOUT: u16 = 1205;
    /// `ER_LOCK_DEADLOCK`
    pub(crate) const DEADLOCK: u16 = 1213;
    /// `ER_TABLEACCESS_DENIED_ERROR`
    pub(crate) const TABLE_ACCESS_DENIED: u16 = 1142;
    /// `ER_BINLOG_CREATE_ROUTINE_NEED_SUPER`
    pub(crate) const BINARY_LOG_UNSAFE: u16 = 1419;
    /// `ER_NO_SUCH_TABLE`
    pub(crate) const NO_SUCH_TABLE: u16 = 1146;
}

/// The server's error number; `None` when the error is not the server's answer.
pub(crate) fn number_of(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number)
}
