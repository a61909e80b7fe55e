//! Finds keys whose events have ended without leaving them, because another program has changed or deleted the events.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use super::{Leaving, leave, numbers, size};
use crate::error::Error;
use crate::event_key::KeyNumber;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};
use crate::time::microseconds;

/// Maximum number of keys that one call examines.
const MOST: usize = 512;

impl Session {
    /// Examines keys with blocked events that have not changed for `quiet`, and unblocks the next events of those whose earlier events
    /// no longer exist or have ended. Returns the number of such keys.
    ///
    /// Reads all unfinished events if there are such keys, and nothing else otherwise. One call examines up to 512 keys, the ones
    /// that have not changed or been examined for the longest time.
    pub async fn repair_keys(&mut self, quiet: Duration) -> Result<usize, Error> {
        self.run(&Repair { quiet }).await
    }
}

struct Repair {
    quiet: Duration,
}

/// A key that has not changed for long.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    running: usize,
    /// Time of its last change, in microseconds since 1970.
    changed: i64,
}

type Keys = BTreeMap<KeyNumber, Quiet>;

impl Operation for Repair {
    const NAME: OperationName = OperationName::RepairKeys;
    type Output = usize;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<usize, sqlx::Error> {
        let quiet = self.quiet(connection).await?;
        if quiet.is_empty() {
            return Ok(0);
        }
        let found = running(&quiet, connection).await?;
        let unchanged = lock(&quiet, connection).await?;
        let mut leaving = Leaving::default();
        for number in &unchanged {
            let known = quiet.get(number).map_or(0, |key| key.running);
            let missing = known.saturating_sub(found.get(number).copied().unwrap_or_default());
            if missing > 0 {
                leaving.add_many_running(*number, missing);
            }
        }
        let mut end = leave(&leaving, connection).await?;
        if !unchanged.is_empty() {
            end.sql("UPDATE EventKeys SET changed_at = UTC_TIMESTAMP(6) WHERE number IN (");
            numbers(&mut end, &unchanged).sql("); ");
        }
        end.sql(COMMIT);
        end.execute(connection).await?;
        Ok(leaving.len())
    }
}

impl Repair {
    async fn quiet(&self, connection: &mut MySqlConnection) -> Result<Keys, sqlx::Error> {
        let mut select = SqlBatch::new("SELECT number, running, ");
        select.sql(CHANGED).sql(
            " AS changed FROM EventKeys WHERE events > running AND changed_at < UTC_TIMESTAMP(6) - INTERVAL ",
        );
        select.number(microseconds(self.quiet)).sql(" MICROSECOND ORDER BY changed_at LIMIT ").count(MOST);
        let mut keys = Keys::new();
        for row in select.rows(connection).await? {
            let key = Quiet { running: size(row.try_get("running")?), changed: row.try_get("changed")? };
            keys.insert(KeyNumber::from_row(row.try_get("number")?), key);
        }
        Ok(keys)
    }
}

const CHANGED: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', changed_at)";

/// Counts the events of each key that are not blocked and have not left it.
async fn running(
    keys: &Keys,
    connection: &mut MySqlConnection,
) -> Result<BTreeMap<KeyNumber, usize>, sqlx::Error> {
    let mut select = SqlBatch::new(
        "SELECT key_number, COUNT(*) AS events FROM Events FORCE INDEX (state_due) \
         WHERE (state BETWEEN -100 AND 1 OR state = 3) AND key_number IN (",
    );
    numbers(&mut select, keys.keys()).sql(") GROUP BY key_number");
    let rows = select.rows(connection).await?;
    let count = |row: &sqlx::mysql::MySqlRow| {
        Ok((KeyNumber::from_row(row.try_get("key_number")?), size(row.try_get("events")?)))
    };
    rows.iter().map(count).collect()
}

/// Locks those of the keys that have not changed since they were read, so that the events were counted correctly.
async fn lock(keys: &Keys, connection: &mut MySqlConnection) -> Result<Vec<KeyNumber>, sqlx::Error> {
    let mut lock = SqlBatch::new("START TRANSACTION; SELECT number, ");
    lock.sql(CHANGED).sql(" AS changed FROM EventKeys FORCE INDEX (PRIMARY) WHERE number IN (");
    numbers(&mut lock, keys.keys()).sql(") ORDER BY number FOR UPDATE SKIP LOCKED; ").sql(HOLD);
    let mut unchanged = Vec::new();
    for row in lock.rows(connection).await? {
        let number = KeyNumber::from_row(row.try_get("number")?);
        if keys.get(&number).map(|key| key.changed) == Some(row.try_get("changed")?) {
            unchanged.push(number);
        }
    }
    Ok(unchanged)
}
