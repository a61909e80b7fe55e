//! What can go wrong between the queue and its database.

use std::path::PathBuf;
use std::time::Duration;

use crate::settle::Partly;

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
    /// Some of the claims could not be settled, and the others were.
    #[error(transparent)]
    Partly(Box<Partly>),
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

impl Error {
    /// Whether the server refused the statement for what it was to write. Those are not: that it lost its locks, was cut off,
    /// may not write at the moment, or does not let this user do it.
    pub fn is_refusal(&self) -> bool {
        let Self::Query { source, .. } = self else { return false };
        number_of(source).is_some_and(|number| !number::PASSING.contains(&number))
    }

    /// Whether the server gave up waiting for a lock that somebody else holds.
    pub(crate) fn is_locked(&self) -> bool {
        let Self::Query { source, .. } = self else { return false };
        number_of(source) == Some(number::LOCK_WAIT_TIMEOUT)
    }
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
    /// `ER_DBACCESS_DENIED_ERROR`
    pub(crate) const DATABASE_ACCESS_DENIED: u16 = 1044;
    /// `ER_SPECIFIC_ACCESS_DENIED_ERROR`
    pub(crate) const ACCESS_DENIED: u16 = 1227;
    /// `ER_TABLEACCESS_DENIED_ERROR`
    pub(crate) const TABLE_ACCESS_DENIED: u16 = 1142;
    /// `ER_BINLOG_CREATE_ROUTINE_NEED_SUPER`
    pub(crate) const BINARY_LOG_UNSAFE: u16 = 1419;
    /// `ER_NO_SUCH_TABLE`
    pub(crate) const NO_SUCH_TABLE: u16 = 1146;
    /// What says nothing of the rows: too many connections, out of memory, access denied (4), shutdown, too large a packet, lock wait
    /// timeout, deadlock, read-only (3), interrupted, connection killed, rolled back by a plugin.
    pub(crate) const PASSING: [u16; 17] = [
        1037, 1040, 1041, 1044, 1045, 1053, 1142, 1143, 1153, 1205, 1213, 1290, 1317, 1792, 1836, 1927, 3101,
    ];
}

/// The server's error number; `None` when the error is not the server's answer.
pub(crate) fn number_of(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number)
}
