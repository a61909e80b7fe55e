//! What every session sets for itself, so that it does not matter what the server or its owner has set for all.

use std::fmt;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Executor as _, Row as _};

/// The settings that statements rely on. MySQL alone reads what stands in `/*!80000 */`, MariaDB alone what stands in
/// `/*M!100303 */`.
///
/// | setting | otherwise |
/// |---|---|
/// | `autocommit`, `completion_type` | what is done is not committed, or `COMMIT` begins a transaction that stays open |
/// | `sql_mode` | what does not fit its column is cut; quotes and backslashes mean something else (`ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES`) |
/// | `time_zone`, `NAMES` | times and texts are read as something else |
/// | isolation | REPEATABLE READ takes gap locks, with which claims and inserts deadlock each other |
/// | access mode | `transaction_read_only` of the server refuses each write |
/// | `innodb_lock_wait_timeout`, `lock_wait_timeout` | a lock is waited for longer than an operation may take; or a year, of a table. A row's is waited for briefly: whoever loses begins again, or goes on without what is locked |
/// | `wait_timeout` | what a vanished program has locked is free when TCP gives up. Twice [`super::connected::IDLE_LIMIT`] |
/// | `idle_transaction_timeout` | MariaDB: as [`crate::script::HOLD`] |
/// | `max_execution_time`, `max_statement_time` | what nobody waits for any more goes on; or is ended too soon |
/// | `sql_safe_updates`, `sql_select_limit`, `sql_big_selects` | updates without a key are refused, results cut, large reads refused |
/// | `default_storage_engine` | the migrations' own table is one without transactions |
const SETTINGS: &str = "SET SESSION autocommit = 1, completion_type = 0, sql_mode = 'TRADITIONAL', \
     time_zone = '+00:00', NAMES utf8mb4 COLLATE utf8mb4_bin, \
     innodb_lock_wait_timeout = 1, lock_wait_timeout = 5, wait_timeout = 60, \
     sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, \
     default_storage_engine = InnoDB \
     /*!80000 , max_execution_time = 9000 */ \
     /*M!100303 , max_statement_time = 9, idle_transaction_timeout = 5 */; \
     SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; \
     SELECT VERSION() AS version, CAST(CONNECTION_ID() AS SIGNED) AS id, \
       CAST(@@session.max_allowed_packet AS SIGNED) AS packet, \
       @@global.read_only OR @@global.innodb_read_only AS demoted, \
       @@global.log_bin AND @@session.binlog_format = 'STATEMENT' AS statements";

/// What a session that changes tables and users sets differently: it waits for other programs like it, but keeps the queue
/// waiting behind its locks for a moment only.
const CHANGES: &str = "SET SESSION lock_wait_timeout = 2, wait_timeout = 3600 \
     /*!80000 , max_execution_time = 0 */ \
     /*M!100303 , max_statement_time = 0, idle_transaction_timeout = 0 */";

/// Whether the server has become one that takes no writes. `super_read_only` of MySQL implies `read_only`.
pub(crate) const DEMOTED: &str = "SELECT @@global.read_only OR @@global.innodb_read_only";

/// The smallest `max_allowed_packet` with which every statement but large payloads can be sent.
pub(super) const SMALLEST_PACKET: usize = 1024 * 1024;

/// The server at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    /// The connection's number there.
    pub(super) connection: i64,
    /// How many bytes it takes at once.
    pub(super) packet: usize,
}

/// Why a server that can be reached can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It takes no writes, and what it can be asked may be of the past: a replica, or a primary of before.
    ReadOnly,
    /// `max_allowed_packet` is too small.
    SmallPacket {
        /// What it is, in bytes.
        bytes: usize,
    },
    /// It is older than what the statements need.
    Old {
        /// What it calls itself.
        version: String,
    },
    /// It refuses writes at READ COMMITTED.
    StatementLog,
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => formatter.write_str(
                "it is read-only (read_only or innodb_read_only is ON): a replica, or a primary that was demoted; \
                 its name must lead to the server that takes writes",
            ),
            Self::SmallPacket { bytes } => write!(
                formatter,
                "its max_allowed_packet is {bytes} bytes; it must be at least {SMALLEST_PACKET}"
            ),
            Self::Old { version } => write!(
                formatter,
                "its version is {version}; it must be MySQL 8.0.23 or MariaDB 10.6, or newer"
            ),
            Self::StatementLog => formatter.write_str(
                "its binlog_format is STATEMENT, with which it takes no writes at READ COMMITTED; it must be ROW or MIXED",
            ),
        }
    }
}

/// Makes the settings, and asks who answers.
pub(super) async fn establish(
    connection: &mut MySqlConnection,
) -> Result<Result<Server, Unusable>, sqlx::Error> {
    let rows = connection.fetch_all(sqlx::raw_sql(SETTINGS)).await?;
    judge(rows.first().ok_or(sqlx::Error::RowNotFound)?)
}

/// Makes it a session that changes tables and users.
pub(super) async fn for_changes(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(CHANGES)).await.map(drop)
}

fn judge(row: &MySqlRow) -> Result<Result<Server, Unusable>, sqlx::Error> {
    let version: String = row.try_get("version")?;
    let packet = usize::try_from(row.try_get::<i64, _>("packet")?).unwrap_or_default();
    if !is_new_enough(&version) {
        return Ok(Err(Unusable::Old { version }));
    }
    if row.try_get("demoted")? {
        return Ok(Err(Unusable::ReadOnly));
    }
    if packet < SMALLEST_PACKET {
        return Ok(Err(Unusable::SmallPacket { bytes: packet }));
    }
    if row.try_get("statements")? {
        return Ok(Err(Unusable::StatementLog));
    }
    Ok(Ok(Server { connection: row.try_get("id")?, packet }))
}

/// What cannot be read is a server that nobody here knows: it is tried.
fn is_new_enough(version: &str) -> bool {
    // What MariaDB puts before its version for clients that know none of its own.
    let number = version.strip_prefix("5.5.5-").unwrap_or(version);
    let number = number.split(|letter: char| !letter.is_ascii_digit() && letter != '.').next();
    let parts: Option<Vec<u32>> =
        number.unwrap_or_default().split('.').map(|part| part.parse().ok()).collect();
    let oldest: &[u32] = if version.contains("MariaDB") { &[10, 6] } else { &[8, 0, 23] };
    parts.is_none_or(|parts| parts.as_slice() >= oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_new_enough_or_not() {
        for version in
            ["9.7.4-2", "8.4.0", "8.0.23", "8.0.41-google", "10.6.0-MariaDB", "11.4.2-MariaDB-log", "?"]
        {
            assert!(is_new_enough(version), "{version}");
        }
        assert!(is_new_enough("5.5.5-10.11.19-MariaDB-0+deb12u1"));
        for version in ["5.7.44-log", "8.0.22", "10.5.29-MariaDB", "5.5.5-10.4.1-MariaDB"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
