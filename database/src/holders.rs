//! Who holds what others wait for, as far as the database's user may see it.

use std::fmt;
use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Executor as _, Row as _};
use tracing::debug;

use crate::session::Database;

/// How long a look may take: somebody waits for the error that it is for.
const LIMIT: Duration = Duration::from_secs(2);

/// What is held.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held {
    /// The row of `DBStatus`.
    Counter,
    /// The definition of a table.
    Tables,
}

/// Connections that hold what others wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders(Vec<Holder>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    connection: i64,
    user: String,
    seconds: i64,
}

impl fmt::Display for Holders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str(
                "; this user may not see whose (SELECT on performance_schema, or PROCESS, would show it)",
            );
        }
        let mut before = ": ";
        for Holder { connection, user, seconds } in &self.0 {
            write!(formatter, "{before}connection {connection} of {user}, for {seconds} s")?;
            before = "; ";
        }
        formatter.write_str(" (`KILL` ends a connection)")
    }
}

const COUNTER: &str = "SELECT DISTINCT thread.PROCESSLIST_ID AS connection, \
     CONCAT(thread.PROCESSLIST_USER, '@', thread.PROCESSLIST_HOST) AS user, thread.PROCESSLIST_TIME AS seconds \
     FROM performance_schema.data_locks AS held \
     JOIN performance_schema.threads AS thread ON thread.THREAD_ID = held.THREAD_ID \
     WHERE held.OBJECT_SCHEMA = DATABASE() AND held.OBJECT_NAME = 'DBStatus' AND held.LOCK_TYPE = 'RECORD' \
     AND held.LOCK_STATUS = 'GRANTED' AND thread.PROCESSLIST_ID <> CONNECTION_ID() \
     ORDER BY seconds DESC LIMIT 3";
const TABLES: &str = "SELECT DISTINCT thread.PROCESSLIST_ID AS connection, \
     CONCAT(thread.PROCESSLIST_USER, '@', thread.PROCESSLIST_HOST) AS user, thread.PROCESSLIST_TIME AS seconds \
     FROM performance_schema.metadata_locks AS held \
     JOIN performance_schema.threads AS thread ON thread.THREAD_ID = held.OWNER_THREAD_ID \
     WHERE held.OBJECT_TYPE = 'TABLE' AND held.OBJECT_SCHEMA = DATABASE() AND held.LOCK_STATUS = 'GRANTED' \
     AND held.LOCK_DURATION = 'TRANSACTION' AND thread.PROCESSLIST_ID <> CONNECTION_ID() \
     ORDER BY seconds DESC LIMIT 3";
/// Where there is no performance schema: the oldest transactions. That of who waits is not among them, it has been rolled back.
const OLDEST: &str = "SELECT CAST(trx.trx_mysql_thread_id AS SIGNED) AS connection, \
     CONCAT(process.USER, '@', process.HOST) AS user, \
     TIMESTAMPDIFF(SECOND, trx.trx_started, NOW()) AS seconds \
     FROM information_schema.INNODB_TRX AS trx \
     JOIN information_schema.PROCESSLIST AS process ON process.ID = trx.trx_mysql_thread_id \
     WHERE process.ID <> CONNECTION_ID() ORDER BY trx.trx_started LIMIT 3";

impl Database {
    /// Who holds it, by a connection of its own. Nobody, where that can't be seen.
    pub(crate) async fn holders(&self, held: Held) -> Holders {
        let first = match held {
            Held::Counter => COUNTER,
            Held::Tables => TABLES,
        };
        let look = async {
            let mut connection = self.connect().await.ok()?;
            for query in [first, OLDEST] {
                match read(query, &mut connection).await {
                    Ok(holders) if holders.is_empty() => {}
                    Ok(holders) => return Some(holders),
                    Err(error) => debug!(%error, "failed to look who holds a lock"),
                }
            }
            None
        };
        Holders(tokio::time::timeout(LIMIT, look).await.ok().flatten().unwrap_or_default())
    }
}

async fn read(query: &'static str, connection: &mut MySqlConnection) -> Result<Vec<Holder>, sqlx::Error> {
    connection.fetch_all(sqlx::raw_sql(query)).await?.iter().map(holder).collect()
}

fn holder(row: &MySqlRow) -> Result<Holder, sqlx::Error> {
    // Both engines and both sources have other types of numbers.
    Ok(Holder {
        connection: row.try_get_unchecked("connection")?,
        user: row.try_get_unchecked::<Option<String>, _>("user")?.unwrap_or_default(),
        seconds: row.try_get_unchecked::<Option<i64>, _>("seconds")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_named_or_it_is_said_why_not() {
        let holder = Holder { connection: 17, user: "root@db".to_owned(), seconds: 43 };
        let two = Holders(vec![holder.clone(), Holder { connection: 18, ..holder }]);
        assert_eq!(
            two.to_string(),
            ": connection 17 of root@db, for 43 s; connection 18 of root@db, for 43 s (`KILL` ends a connection)"
        );
        assert!(Holders::default().to_string().contains("PROCESS"));
    }
}
