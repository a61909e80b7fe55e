//! Several statements in one packet: one round trip, and locks that are held for none of ours.
//!
//! The text protocol, because prepared statements go one by one. What comes from outside enters the text as a number or
//! as hexadecimal digits, never as itself, so that there is nothing to escape.

use std::fmt::Write as _;

use sqlx::mysql::{MySqlConnection, MySqlQueryResult, MySqlRow};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::event::EventId;

/// At the end of a packet that leaves a transaction open: the server ends the session, and with it the transaction and its locks,
/// if the next packet does not come within seconds. Whoever froze in between holds up nobody.
pub(crate) const HOLD: &str = "SET SESSION wait_timeout = 5";
/// The end of such a transaction. The commit is last: what fails behind it would be taken for not done.
pub(crate) const COMMIT: &str = "SET SESSION wait_timeout = 60; COMMIT";
/// The same for one that is given up.
pub(crate) const ROLLBACK: &str = "ROLLBACK; SET SESSION wait_timeout = 60";

/// Statements to be sent together.
#[derive(Debug, Default)]
pub(crate) struct Script(String);

impl Script {
    /// One that begins with `sql`.
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

    /// Adds how many there are of something.
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

    /// Adds the items, each as `add` writes it, with commas between.
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

    /// Adds another script.
    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// How long it is, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Adds ids, with commas between.
    pub(crate) fn ids<'a>(&mut self, ids: impl IntoIterator<Item = &'a EventId>) -> &mut Self {
        self.list(ids, |script, id| {
            script.number(id.get());
        })
    }

    /// Runs it and gives the rows of all its statements.
    ///
    /// A statement that fails is the last that runs: a transaction that it leaves open is rolled back by
    /// [`crate::Session`], which runs every script.
    pub(crate) async fn rows(self, connection: &mut MySqlConnection) -> Result<Vec<MySqlRow>, sqlx::Error> {
        connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(self.0))).await
    }

    /// Runs it and gives the sum of the matched rows of all its statements.
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
    fn nothing_from_outside_is_in_the_text_as_itself() {
        let mut script = Script::new("SELECT ");
        script.list(["'; DROP TABLE Events; --", "ç\0"], |script, text| {
            script.text(text);
        });
        script.sql(", ").number(-1);
        assert_eq!(
            script.0,
            "SELECT _utf8mb4 x'273b2044524f50205441424c45204576656e74733b202d2d',_utf8mb4 x'c3a700', -1"
        );
    }
}
