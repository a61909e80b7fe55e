//! Batches of statements in one packet. They need a single round trip, so that no round trip prolongs their locks.
//!
//! The batch uses the text protocol, because the server accepts prepared statements only one by one. External values enter
//! the text as numbers or hexadecimal digits only, so that none needs escaping.

use std::fmt::Write as _;

use sqlx::mysql::{MySqlConnection, MySqlQueryResult, MySqlRow};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::event::EventId;

/// Last statement of a packet that leaves a transaction open. The server then ends the session, the transaction and its locks
/// if the next packet does not arrive within seconds, so that a frozen client cannot block others.
pub(crate) const HOLD: &str = "SET SESSION wait_timeout = 5";
/// Commits such a transaction. The commit comes last, because a later failure would be reported as "not done".
pub(crate) const COMMIT: &str = "SET SESSION wait_timeout = 60; COMMIT";
/// Rolls back such a transaction.
pub(crate) const ROLLBACK: &str = "ROLLBACK; SET SESSION wait_timeout = 60";

/// Statements that are sent together.
#[derive(Debug, Default)]
pub(crate) struct SqlBatch(String);

impl SqlBatch {
    /// Creates a batch that begins with `sql`.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self(sql.to_owned())
    }

    /// Adds a piece of SQL.
    pub(crate) fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.0.push_str(sql);
        self
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: impl Into<i64>) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(self.0, "{}", number.into());
        self
    }

    /// Adds a count.
    pub(crate) fn count(&mut self, many: usize) -> &mut Self {
        self.number(i64::try_from(many).unwrap_or(i64::MAX))
    }

    /// Adds a string literal.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.sql("_utf8mb4 ").bytes(text.as_bytes())
    }

    /// Adds a binary literal.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        self.0.reserve(bytes.len() * 2 + 3);
        self.0.push_str("x'");
        for byte in bytes {
            self.0.push(DIGITS[usize::from(byte >> 4)]);
            self.0.push(DIGITS[usize::from(byte & 15)]);
        }
        self.0.push('\'');
        self
    }

    /// Adds the items, each as `add` writes it, separated by commas.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            add(self, item);
        }
        self
    }

    /// Adds ids, separated by commas.
    pub(crate) fn ids<'a>(&mut self, ids: impl IntoIterator<Item = &'a EventId>) -> &mut Self {
        self.list(ids, |batch, id| {
            batch.number(id.get());
        })
    }

    /// Adds another batch.
    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Executes the batch and returns the rows of all its statements.
    ///
    /// The batch ends at the first statement that fails. [`crate::Session`], which runs every batch, then rolls back the
    /// transaction that is still open.
    pub(crate) async fn rows(self, connection: &mut MySqlConnection) -> Result<Vec<MySqlRow>, sqlx::Error> {
        connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(self.0))).await
    }

    /// Executes the batch and returns the sum of the matched rows of all its statements.
    pub(crate) async fn execute(
        self,
        connection: &mut MySqlConnection,
    ) -> Result<MySqlQueryResult, sqlx::Error> {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(self.0))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_values_never_appear_literally_in_the_text() {
        let mut batch = SqlBatch::new("SELECT ");
        batch.list(["'; DROP TABLE Events; --", "ç\0"], |batch, text| {
            batch.text(text);
        });
        batch.sql(", ").number(-1);
        assert_eq!(
            batch.0,
            "SELECT _utf8mb4 x'273b2044524f50205441424c45204576656e74733b202d2d',_utf8mb4 x'c3a700', -1"
        );
    }
}
