//! Finds the connections that hold a lock, as far as the database's user may see them.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Executor as _, Row as _};
use tracing::debug;

use crate::error::{Holder, Holders};
use crate::session::Database;

/// Time limit of the query; a caller waits for the error meanwhile.
const LIMIT: Duration = Duration::from_secs(2);

/// The locked object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held {
    /// The row of `DBStatus`, or rows of `IdBlocks`, `Lanes` or `EventKeys`.
    Counter,
    /// The definition of a table.
    Tables,
}

const COUNTER: &str = "SELECT DISTINCT thread.PROCESSLIST_ID AS connection, \
     CONCAT(thread.PROCESSLIST_USER, '@', thread.PROCESSLIST_HOST) AS user, thread.PROCESSLIST_TIME AS seconds \
     FROM performance_schema.data_locks AS held \
     JOIN performance_schema.threads AS thread ON thread.THREAD_ID = held.THREAD_ID \
     WHERE held.OBJECT_SCHEMA = DATABASE() AND held.OBJECT_NAME IN ('DBStatus', 'IdBlocks', 'Lanes', 'EventKeys') AND held.LOCK_TYPE = 'RECORD' \
     AND held.LOCK_STATUS = 'GRANTED' AND thread.PROCESSLIST_ID <> CONNECTION_ID() \
     ORDER BY seconds DESC LIMIT 3";
const TABLES: &str = "SELECT DISTINCT thread.PROCESSLIST_ID AS connection, \
     CONCAT(thread.PROCESSLIST_USER, '@', thread.PROCESSLIST_HOST) AS user, thread.PROCESSLIST_TIME AS seconds \
     FROM performance_schema.metadata_locks AS held \
     JOIN performance_schema.threads AS thread ON thread.THREAD_ID = held.OWNER_THREAD_ID \
     WHERE held.OBJECT_TYPE = 'TABLE' AND held.OBJECT_SCHEMA = DATABASE() AND held.LOCK_STATUS = 'GRANTED' \
     AND held.LOCK_DURATION = 'TRANSACTION' AND thread.PROCESSLIST_ID <> CONNECTION_ID() \
     ORDER BY seconds DESC LIMIT 3";
/// Finds the oldest transactions, for servers without a performance schema. The waiting one was already rolled back.
const OLDEST: &str = "SELECT CAST(trx.trx_mysql_thread_id AS SIGNED) AS connection, \
     CONCAT(process.USER, '@', process.HOST) AS user, \
     TIMESTAMPDIFF(SECOND, trx.trx_started, NOW()) AS seconds \
     FROM information_schema.INNODB_TRX AS trx \
     JOIN information_schema.PROCESSLIST AS process ON process.ID = trx.trx_mysql_thread_id \
     WHERE process.ID <> CONNECTION_ID() ORDER BY trx.trx_started LIMIT 3";

impl Database {
    /// Returns the holders, using a separate connection. The result is empty if the user may not see them.
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
                    Err(error) => debug!(%error, "failed to find the holder of a lock"),
                }
            }
            None
        };
        Holders::new(tokio::time::timeout(LIMIT, look).await.ok().flatten().unwrap_or_default())
    }
}

async fn read(query: &'static str, connection: &mut MySqlConnection) -> Result<Vec<Holder>, sqlx::Error> {
    connection.fetch_all(sqlx::raw_sql(query)).await?.iter().map(holder).collect()
}

fn holder(row: &MySqlRow) -> Result<Holder, sqlx::Error> {
    // The number types differ between the engines and between the sources.
    Ok(Holder {
        connection: row.try_get_unchecked("connection")?,
        user: row.try_get_unchecked::<Option<String>, _>("user")?.unwrap_or_default(),
        seconds: row.try_get_unchecked::<Option<i64>, _>("seconds")?.unwrap_or_default(),
    })
}
