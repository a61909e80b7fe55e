//! Finds keys with blocked events that are free to follow: another program has changed or deleted the earlier ones, or had locked the
//! blocked one when the earlier one ended.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use super::{Leaving, LockedNext, key_of_dead, leave, numbers, size};
use crate::contention::Contention;
use crate::error::Error;
use crate::event_key::KeyNumber;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};
use crate::time::microseconds;

/// Maximum number of keys that one call examines.
const MOST: usize = 512;

impl Session {
    /// Unblocks events whose keys have room for them: an earlier event ended while another client had locked them, or another program
    /// has ended or deleted it. Returns the number of such keys.
    ///
    /// A change by another program is noticed only at keys that have not changed for `quiet`. If there are any with blocked events, all
    /// unfinished events are read. One call examines up to 512 keys of each kind, the ones that have not changed or been examined for
    /// the longest time.
    pub async fn repair_keys(&mut self, quiet: Duration) -> Result<usize, Error> {
        let contention = self.contention();
        self.run(&Repair { quiet, contention }).await
    }

    /// Returns whether a program with the same [`Database`] has recently met rows that other clients had locked.
    ///
    /// [`Database`]: crate::Database
    pub fn has_met_locks(&self) -> bool {
        self.contention().is_on()
    }
}

struct Repair {
    quiet: Duration,
    contention: Contention,
}

/// A key with blocked events.
#[derive(Debug, Clone, Copy)]
struct Known {
    running: usize,
    /// Fewer events than the concurrency are not blocked.
    has_room: bool,
    /// It has not changed for long.
    is_quiet: bool,
    /// Time of its last change, in microseconds since 1970.
    changed: i64,
}

type Keys = BTreeMap<KeyNumber, Known>;

impl Operation for Repair {
    const NAME: OperationName = OperationName::RepairKeys;
    type Output = usize;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<usize, sqlx::Error> {
        let known = self.known(connection).await?;
        if known.is_empty() {
            return Ok(0);
        }
        let quiet: Vec<_> = known.iter().filter(|(_, key)| key.is_quiet).map(|(number, _)| *number).collect();
        let found = running(&quiet, connection).await?;
        let unchanged = lock(&known, connection).await?;
        let mut leaving = Leaving::default();
        let mut ended = Vec::new();
        for (number, key) in unchanged.iter().filter_map(|number| Some((*number, known.get(number)?))) {
            let missing = key.running.saturating_sub(found.get(&number).copied().unwrap_or_default());
            if key.is_quiet && missing > 0 {
                leaving.add_many_running(number, missing);
                ended.push(number);
            } else if key.has_room {
                leaving.add_room(number);
            }
        }
        let mut end = leave(&leaving, LockedNext::Leave, &self.contention, connection).await?;
        forget_dead(&mut end, &ended);
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
    /// Selects keys with blocked events that have room or are quiet.
    async fn known(&self, connection: &mut MySqlConnection) -> Result<Keys, sqlx::Error> {
        let select = |condition: &'static str| {
            let mut select = SqlBatch::new("SELECT number, running, running < ");
            select.sql(CONCURRENCY).sql(" AS has_room, changed_at < ").ago(self.quiet).sql(" AS is_quiet, ");
            select.sql(CHANGED).sql(" AS changed FROM EventKeys WHERE events > running AND ").sql(condition);
            select
        };
        let mut keys = select("running < ");
        keys.sql(CONCURRENCY).sql(" ORDER BY changed_at LIMIT ").count(MOST).sql("; ");
        keys.append(&select("changed_at < ")).ago(self.quiet).sql(" ORDER BY changed_at LIMIT ").count(MOST);
        let mut known = Keys::new();
        for row in keys.rows(connection).await? {
            let key = Known {
                running: size(row.try_get("running")?),
                has_room: row.try_get("has_room")?,
                is_quiet: row.try_get("is_quiet")?,
                changed: row.try_get("changed")?,
            };
            known.insert(KeyNumber::from_row(row.try_get("number")?), key);
        }
        Ok(known)
    }
}

impl SqlBatch {
    /// Adds the time that lies `duration` before now.
    fn ago(&mut self, duration: Duration) -> &mut Self {
        self.sql("UTC_TIMESTAMP(6) - INTERVAL ").number(microseconds(duration)).sql(" MICROSECOND")
    }
}

const CONCURRENCY: &str = "COALESCE((SELECT concurrency FROM KeySettings), 1)";
const CHANGED: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', changed_at)";

/// Counts the events of each key that are not blocked and have not left it.
async fn running(
    keys: &[KeyNumber],
    connection: &mut MySqlConnection,
) -> Result<BTreeMap<KeyNumber, usize>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut select = SqlBatch::new(concat!(
        "SELECT key_number, COUNT(*) AS events FROM Events FORCE INDEX (state_due) \
         WHERE (state BETWEEN -100 AND 1 OR (state = 3 AND ",
        key_of_dead!(),
        " IS NOT NULL)) AND key_number IN ("
    ));
    numbers(&mut select, keys).sql(") GROUP BY key_number");
    let rows = select.rows(connection).await?;
    let count = |row: &sqlx::mysql::MySqlRow| {
        Ok((KeyNumber::from_row(row.try_get("key_number")?), size(row.try_get("events")?)))
    };
    rows.iter().map(count).collect()
}

/// Adds a statement that removes dead events from these keys, if dead events do not block them: another program has given them up.
fn forget_dead(batch: &mut SqlBatch, keys: &[KeyNumber]) {
    if !keys.is_empty() {
        batch.sql("UPDATE Events FORCE INDEX (state_due) SET key_number = ").sql(key_of_dead!());
        batch.sql(" WHERE state = 3 AND key_number IN (");
        numbers(batch, keys).sql("); ");
    }
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
