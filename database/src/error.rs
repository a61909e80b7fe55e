//! Errors of the queue's operations.

mod holders;
pub(crate) mod number;
mod partly_settled;
mod unusable;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use holders::Holder;
pub use holders::Holders;
pub use partly_settled::{PartlySettled, Refused};
pub use unusable::Unusable;

/// An operation that failed, or whose outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password file disappeared after the start.
    #[error("failed to read the password file {path:?}")]
    PasswordFile {
        /// Path of the file.
        path: PathBuf,
        /// Error of the read.
        source: std::io::Error,
    },
    /// The connection could not be opened.
    #[error("failed to connect to the database at {address}{}", remedy(source))]
    Connect {
        /// Host and port.
        address: String,
        /// Error of the driver or the server.
        source: sqlx::Error,
    },
    /// The server did not answer a connection attempt in time.
    #[error("failed to connect to the database at {address}: no answer within {} s", limit.as_secs())]
    ConnectTimeout {
        /// Host and port.
        address: String,
        /// Time limit of the attempt.
        limit: Duration,
    },
    /// The server was reached but cannot be used.
    #[error("the database at {address} can't be used: {why}")]
    Unusable {
        /// Host and port.
        address: String,
        /// Reason why it cannot be used.
        why: Unusable,
    },
    /// The server reported an error, or the connection broke.
    #[error("failed to {operation}")]
    Query {
        /// Operation, as a verb: `create events`.
        operation: &'static str,
        /// Error of the driver or the server.
        source: sqlx::Error,
    },
    /// The server did not answer in time. The connection is dropped; its statement may still take effect.
    #[error("failed to {operation}: the database did not answer within {} s", limit.as_secs())]
    Timeout {
        /// Operation, as a verb.
        operation: &'static str,
        /// Time limit of the operation.
        limit: Duration,
    },
    /// Some of the claims could not be settled; the others were.
    #[error(transparent)]
    PartlySettled(Box<PartlySettled>),
    /// The schema is missing or older than this program requires.
    #[error(
        "the database's schema is at version {found}, but this program needs {needed}: run `eventpipeline-producer schema`"
    )]
    SchemaOld {
        /// The newest applied version; 0 if there is none.
        found: i64,
        /// The newest version that this program knows.
        needed: i64,
    },
    /// The schema is newer than this program.
    #[error(
        "the database's schema is at version {found}, but this program knows only {known}: run a newer program"
    )]
    SchemaNew {
        /// The newest applied version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database contains an `Events` table that this program did not create.
    #[error(
        "the database has a table Events that EventPipeline did not create; give the pipeline its own database"
    )]
    ForeignTables,
    /// The database's clock stepped recently, so that the age of events is uncertain.
    #[error("the database's clock stepped: nothing is removed for {} s after a step", quiet.as_secs())]
    ClockStepped {
        /// Period after a step during which nothing is removed.
        quiet: Duration,
    },
    /// The database's clock differs from this program's, so that the age of events is uncertain.
    #[error(
        "the database's clock is {seconds} s ahead of this program's: nothing is removed until they differ by at most five \
         minutes; synchronize the clocks of the machines (NTP)"
    )]
    ClockDisagrees {
        /// Seconds by which it is ahead; negative if it is behind.
        seconds: i64,
    },
    /// A migration failed.
    #[error("failed to migrate the schema")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database's user may not create the trigger that classic producers need.
    #[error(
        "the database does not let this user create a trigger, which producers that know only the classic columns need: grant it \
         TRIGGER on the database, and set log_bin_trust_function_creators = 1 on the server; or declare no such producers"
    )]
    TriggerRefused {
        /// Error of the server.
        source: sqlx::Error,
    },
    /// There is no lane with this name.
    #[error(
        "the database has no lane {name:?}: run `eventpipeline-producer schema` with LANES that define it, or start the consumer \
         without LANE"
    )]
    UnknownLane {
        /// Name of the lane.
        name: String,
    },
    /// There would be too many lanes.
    #[error(
        "there would be more than {limit} lanes, including former ones with waiting events: give more types to one lane"
    )]
    TooManyLanes {
        /// Maximum number of lanes.
        limit: i8,
    },
    /// A table that must have one row is empty.
    #[error("{table} must have one row, and has none: run `eventpipeline-producer schema`, which adds it")]
    RowMissing {
        /// Name of the table.
        table: &'static str,
    },
    /// Another transaction has locked the counter, the session's block of ids, the lanes or a key, which creations need.
    #[error(
        "failed to create events: another transaction has locked the counter (the row of DBStatus), ids (rows of IdBlocks), \
         the lanes (rows of Lanes) or a key (rows of EventKeys) for too long{holders}"
    )]
    CounterHeld {
        /// Connections that hold the lock.
        holders: Holders,
        /// Error of the server.
        source: sqlx::Error,
    },
    /// The counter has reached the end of its range.
    #[error(
        "DBStatus.id is at the end of its range, so another program has set it; set it to the number of events ever created"
    )]
    CounterExhausted,
    /// Open transactions keep the tables from being changed. The queue continues to work.
    #[error("the tables cannot be changed while other transactions use them{holders}")]
    SchemaBlocked {
        /// Connections that hold the locks.
        holders: Holders,
        /// Error of the server.
        source: sqlx::Error,
    },
    /// Another program held the schema's lock until the time limit.
    #[error("another program is migrating the schema and did not finish within {} s", limit.as_secs())]
    SchemaLocked {
        /// Time limit of the wait.
        limit: Duration,
    },
}

/// Returns the server's error number, or `None` if the error did not come from the server.
pub(crate) fn number_of(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// The effect of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has no effect, and will have none.
    NotDone,
    /// It may still take effect, because the answer is missing.
    Unknown,
}

impl Error {
    /// Returns whether the request may have taken effect.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Timeout { .. } => Outcome::Unknown,
            Self::Query { source, .. } => match source {
                // Encoding failed before the request was sent.
                sqlx::Error::Encode(_) => Outcome::NotDone,
                _ if number_of(source).is_some_and(|number| !number::is_uncertain(number)) => {
                    Outcome::NotDone
                }
                _ => Outcome::Unknown,
            },
            _ => Outcome::NotDone,
        }
    }

    /// Returns whether the server refused this particular request, so that repeating it cannot succeed.
    pub fn is_refusal(&self) -> bool {
        self.refusal().is_some_and(|number| {
            number::leaves_connection_well(number)
                && !number::is_conflict(number)
                && !number::is_of_the_user_or_the_server(number)
        })
    }

    /// Returns whether the server gave up waiting for another client's lock.
    pub(crate) fn is_locked(&self) -> bool {
        self.refusal() == Some(number::LOCK_WAIT_TIMEOUT)
    }

    /// Returns whether the database is unavailable or read-only, so that waiting helps.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::ConnectTimeout { .. }
                | Self::Timeout { .. }
                | Self::Unusable { why: Unusable::ReadOnly, .. }
        )
    }

    /// Returns whether the schema is the cause, and not the connection.
    pub fn is_schema_error(&self) -> bool {
        matches!(self, Self::SchemaOld { .. } | Self::SchemaNew { .. } | Self::RowMissing { .. })
    }

    /// Returns whether the server ended a read that exceeded its time limit.
    pub(crate) fn is_time_limit(&self) -> bool {
        self.refusal().is_some_and(number::is_time_limit)
    }

    /// Returns the number with which the server refused a statement.
    pub(crate) fn refusal(&self) -> Option<u16> {
        match self {
            Self::Query { source, .. } => number_of(source),
            _ => None,
        }
    }
}

/// Returns a remedy for a refused connection, where the server's message names none.
fn remedy(error: &sqlx::Error) -> &'static str {
    match number_of(error) {
        Some(number) if number::is_connection_limit(number) => {
            ": the server, or this user, has reached its limit of connections: raise max_connections or the user's limit, or run \
             fewer pods"
        }
        Some(number::HOST_BLOCKED) => {
            ": the server has blocked this host because of aborted connections: run `TRUNCATE performance_schema.host_cache` (MariaDB: \
             `FLUSH HOSTS`) and set skip_name_resolve"
        }
        _ => "",
    }
}
