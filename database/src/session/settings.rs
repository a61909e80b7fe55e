//! Settings of every session, which make statements independent of the server's defaults.

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Executor as _, Row as _};

use crate::error::Unusable;

/// The settings that statements rely on. Only MySQL reads `/*!80000 */`, and only MariaDB reads `/*M!100303 */`.
///
/// | setting | effect of another value |
/// |---|---|
/// | `autocommit`, `completion_type` | changes are not committed, or `COMMIT` begins a transaction that stays open |
/// | `sql_mode` | values that exceed their column are truncated; quotes and backslashes have another meaning (`ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES`) |
/// | `time_zone`, `NAMES` | times and texts are converted |
/// | isolation | REPEATABLE READ takes gap locks, with which claims and inserts deadlock each other |
/// | access mode | the server's `transaction_read_only` refuses each write |
/// | `innodb_lock_wait_timeout`, `lock_wait_timeout` | a statement waits for a lock longer than an operation may take (for a table, up to a year). Waits for rows are short: the loser retries, or skips the locked rows |
/// | `wait_timeout` | locks of a vanished program are released only when TCP gives up. Twice [`super::connected::IDLE_LIMIT`] |
/// | `idle_transaction_timeout` | MariaDB: the same as [`crate::sql_batch::HOLD`] |
/// | `max_execution_time`, `max_statement_time` | abandoned statements go on, or statements end too early |
/// | `sql_safe_updates`, `sql_select_limit`, `sql_big_selects` | updates without a key are refused, results truncated, large reads refused |
/// | `default_storage_engine` | the migrations' own table is created without transactions |
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

/// Settings of a session that changes tables and users. It waits for other such sessions, but blocks the queue behind its
/// locks only briefly.
const CHANGES: &str = "SET SESSION lock_wait_timeout = 2, wait_timeout = 3600 \
     /*!80000 , max_execution_time = 0 */ \
     /*M!100303 , max_statement_time = 0, idle_transaction_timeout = 0 */";

/// Reads whether the server refuses writes. MySQL's `super_read_only` implies `read_only`.
pub(super) const DEMOTED: &str = "SELECT @@global.read_only OR @@global.innodb_read_only";

/// The smallest `max_allowed_packet` that fits every statement except large payloads.
pub(super) const SMALLEST_PACKET: usize = 1024 * 1024;

/// Properties of the server that a connection reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    /// The server's number for the connection.
    pub(super) connection: i64,
    /// `max_allowed_packet` in bytes.
    pub(super) packet: usize,
}

/// Applies the settings, and checks whether the server is usable.
pub(super) async fn establish(
    connection: &mut MySqlConnection,
) -> Result<Result<Server, Unusable>, sqlx::Error> {
    let rows = connection.fetch_all(sqlx::raw_sql(SETTINGS)).await?;
    judge(rows.first().ok_or(sqlx::Error::RowNotFound)?)
}

/// Adapts the session to changes of tables and users.
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
        return Ok(Err(Unusable::SmallPacket { bytes: packet, required: SMALLEST_PACKET }));
    }
    if row.try_get("statements")? {
        return Ok(Err(Unusable::StatementLog));
    }
    Ok(Ok(Server { connection: row.try_get("id")?, packet }))
}

/// Returns whether the server has every feature that the statements need. An unknown version is accepted.
fn is_new_enough(version: &str) -> bool {
    // MariaDB's prefix for clients that do not know its versions.
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
    fn only_a_version_that_is_new_enough_is_accepted() {
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
