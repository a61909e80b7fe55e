//! What can go wrong between the queue and its database.

pub(crate) mod number;

use std::path::PathBuf;
use std::time::Duration;

use crate::holders::Holders;
use crate::session::Unusable;
use crate::settle::PartlySettled;

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
    #[error("failed to connect to the database at {address}{}", remedy(source))]
    Connect {
        /// Host and port.
        address: String,
        /// What the driver or the server says.
        source: sqlx::Error,
    },
    /// The server did not answer a connection in time.
    #[error("failed to connect to the database at {address}: no answer within {} s", limit.as_secs())]
    ConnectTimeout {
        /// Host and port.
        address: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server is one that can't be used.
    #[error("the database at {address} can't be used: {why}")]
    Unusable {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        why: Unusable,
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
    PartlySettled(Box<PartlySettled>),
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
    /// A table that has one row has none.
    #[error("{table} must have one row, and has none: run `eventpipeline-producer schema`, which adds it")]
    RowMissing {
        /// The table.
        table: &'static str,
    },
    /// Somebody else's transaction holds the counter, behind which all creations wait.
    #[error(
        "failed to create events: another transaction has locked the counter (the row of DBStatus) for too long{holders}"
    )]
    CounterHeld {
        /// Whose.
        holders: Holders,
        /// What the server says.
        source: sqlx::Error,
    },
    /// The counter is at the end of its type.
    #[error(
        "DBStatus.id is at the end of its range: somebody has set it; set it to the number of events ever created"
    )]
    CounterExhausted,
    /// Open transactions keep the tables from being changed. The queue goes on.
    #[error("the tables can't be changed while other transactions use them{holders}")]
    SchemaBlocked {
        /// Whose.
        holders: Holders,
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

/// The server's error number; `None` when the error is not the server's answer.
pub(crate) fn number_of(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// What an error says of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not done, and will not be.
    NotDone,
    /// It may be done all the same: the answer is missing.
    Unknown,
}

impl Error {
    /// Whether what was asked for may have happened all the same.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Timeout { .. } => Outcome::Unknown,
            Self::Query { source, .. } => match source {
                // Nothing was sent.
                sqlx::Error::Encode(_) => Outcome::NotDone,
                _ if number_of(source).is_some_and(|number| !number::is_uncertain(number)) => {
                    Outcome::NotDone
                }
                _ => Outcome::Unknown,
            },
            _ => Outcome::NotDone,
        }
    }

    /// Whether the server refused this very request, while it may well do others: to ask again in the same way is in vain.
    pub fn is_refusal(&self) -> bool {
        self.refusal().is_some_and(|number| {
            number::leaves_connection_well(number)
                && !number::is_conflict(number)
                && !number::is_of_the_user_or_the_server(number)
        })
    }

    /// Whether the server gave up waiting for a lock that somebody else holds.
    pub(crate) fn is_locked(&self) -> bool {
        self.refusal() == Some(number::LOCK_WAIT_TIMEOUT)
    }

    /// Whether the database is away, or not the one that takes writes: waiting helps.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Unanswered { .. }
                | Self::Timeout { .. }
                | Self::Unusable { why: Unusable::ReadOnly, .. }
        )
    }

    /// Whether the schema is the trouble, and not the way to the database.
    pub fn is_schema_error(&self) -> bool {
        matches!(self, Self::SchemaOld { .. } | Self::SchemaNew { .. } | Self::RowMissing { .. })
    }

    /// Whether the server ended a statement that read for too long.
    pub(crate) fn is_time_limit(&self) -> bool {
        self.refusal().is_some_and(number::is_time_limit)
    }

    /// The number with which the server refused a statement.
    pub(crate) fn refusal(&self) -> Option<u16> {
        match self {
            Self::Query { source, .. } => number_of(source),
            _ => None,
        }
    }
}

/// What to do about a connection that the server refused, where its own words do not say it.
fn remedy(error: &sqlx::Error) -> &'static str {
    match number_of(error) {
        Some(number) if number::is_connection_limit(number) => {
            ": it has as many connections as it, or this user, may have: raise max_connections or the user's limit, or run \
             fewer pods"
        }
        Some(number::HOST_BLOCKED) => {
            ": it has blocked this host for broken connections: run `TRUNCATE performance_schema.host_cache` (MariaDB: \
             `FLUSH HOSTS`) and set skip_name_resolve"
        }
        _ => "",
    }
}
