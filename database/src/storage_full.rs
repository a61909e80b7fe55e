//! A full disk: how servers report it, and how much free space the events' table has.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::{Error, number_of};
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

/// Errors of MySQL and MariaDB for a full disk, table or tablespace:
const FULL: [u16; 4] = [20, 1021, 1114, 3675];
/// Errors for any failed write; the text then names the system's error.
const NOT_WRITTEN: [u16; 3] = [3, 1026, 1030];
/// Texts of `ENOSPC`, as the system's error and as the storage engine's.
const NO_SPACE: [&str; 2] = ["errno: 28", "Got error 28"];

impl Error {
    /// Returns whether the operation failed because the database's disk is full. Events must be removed, or the disk extended.
    pub fn is_storage_full(&self) -> bool {
        let Self::Query { source, .. } = self else { return false };
        number_of(source).is_some_and(|number| is_full(number, &source.to_string()))
    }
}

fn is_full(number: u16, text: &str) -> bool {
    FULL.contains(&number)
        || (NOT_WRITTEN.contains(&number) && NO_SPACE.iter().any(|no_space| text.contains(no_space)))
}

impl Session {
    /// Returns the free bytes of the events' tablespace, which new events reuse. Removed events do not free disk space.
    pub async fn reusable_bytes(&mut self) -> Result<u64, Error> {
        self.run(&ReadReusable).await
    }
}

struct ReadReusable;

impl Operation for ReadReusable {
    const NAME: OperationName = OperationName::ReadReusable;
    type Output = u64;

    /// MySQL would return statistics that it caches for a day. MariaDB ignores the version comment and caches nothing.
    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<u64, sqlx::Error> {
        let rows = SqlBatch::new(
            "SET /*!80000 SESSION information_schema_stats_expiry = 0, */ @now = 0; \
             SELECT CAST(COALESCE(data_free, 0) AS UNSIGNED) AS reusable FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'Events'",
        )
        .rows(connection)
        .await?;
        rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("reusable")
    }
}

#[cfg(test)]
mod tests {
    use super::is_full;

    #[test]
    fn a_full_disk_is_recognized_by_number_or_by_the_systems_error() {
        for (number, text) in [
            (1114, "The table 'Events' is full"),
            (1021, "Disk full (/tmp/x); waiting for someone to free some space..."),
            (3675, "Create table/tablespace 'x' failed, as disk is full"),
            (1030, "Got error 28 - 'No space left on device' from storage engine"),
            (1026, "Error writing file './binlog.000001' (errno: 28 - No space left on device)"),
        ] {
            assert!(is_full(number, text), "{number}");
        }
        for (number, text) in [(1205, "Lock wait timeout exceeded"), (1030, "Got error 168 - 'Unknown'")] {
            assert!(!is_full(number, text), "{number}");
        }
    }
}
