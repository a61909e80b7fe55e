//! Removes finished events in small transactions.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::contention::Contention;
use crate::error::Error;
use crate::event::{EventId, Finished, State};
use crate::event_key::KeyNumber;
use crate::keys::{Leaving, LockedNext, leave};
use crate::low_water_mark::LowWaterMark;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

/// Maximum number of events that one call removes, which keeps its locks short.
pub const LARGEST_REMOVAL: usize = 512;

/// The result of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Number of removed events.
    pub events: usize,
    /// True if more events may be removable.
    pub more: bool,
}

impl Session {
    /// Removes up to `limit` (at most [`LARGEST_REMOVAL`]) events that have been `finished` for longer than `older_than`, the
    /// oldest first. Their idempotency keys are removed with them.
    ///
    /// Classic programs store no completion time; the age of their events begins when this method first sees them.
    ///
    /// Use a separate `mark` for each kind of `finished`.
    ///
    /// # Errors
    /// Returns [`Error::ClockStepped`] or [`Error::ClockDisagrees`] if the age of events cannot be derived from the database's
    /// clock. Returns [`Error::Query`] after about a second if another client has locked a row that the removal needs.
    pub async fn remove(
        &mut self,
        mark: &mut LowWaterMark,
        finished: Finished,
        older_than: Duration,
        limit: usize,
    ) -> Result<Removal, Error> {
        let before = self.cutoff(older_than).await?;
        let begun = Instant::now();
        let from = mark.start(begun);
        let remove = Remove {
            from,
            finished,
            before,
            limit: limit.min(LARGEST_REMOVAL),
            contention: self.contention(),
        };
        let removed = self.run(&remove).await;
        match &removed {
            Ok(removed) => mark.walked(from, removed.took, removed.last_due),
            Err(error) => mark.walk_failed(from, begun.elapsed(), error),
        }
        removed.map(|removed| removed.removal)
    }
}

pub(crate) struct Removed {
    removal: Removal,
    /// Completion time of the last removed event.
    last_due: Option<i64>,
    /// Duration of the locking read.
    took: Duration,
}

pub(crate) struct Remove {
    pub(crate) from: Option<i64>,
    pub(crate) finished: Finished,
    /// The completion time before which events are removed, in microseconds since 1970.
    pub(crate) before: i64,
    pub(crate) limit: usize,
    pub(crate) contention: Contention,
}

impl Operation for Remove {
    const NAME: OperationName = OperationName::Remove;
    type Output = Removed;
    /// A removal must not keep its own locks for long, so it does not wait repeatedly for those of others.
    const RETRIES_LOCK_WAITS: bool = false;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Removed, sqlx::Error> {
        let begun = Instant::now();
        let mut select = self.select();
        select.sql("; ").sql(HOLD);
        let rows = select.rows(connection).await?;
        let took = begun.elapsed();
        let last_due = rows.last().map(|row| row.try_get("place")).transpose()?;
        let (mut untimed, mut old, mut leaving) = (Vec::new(), Vec::new(), Leaving::default());
        for row in rows {
            let id = EventId::from_row(row.try_get("id")?);
            if row.try_get("untimed")? {
                untimed.push(id);
                continue;
            }
            old.push(id);
            // A dead event that blocks its key ends with its removal. Another program may leave a number in other events.
            if self.finished == Finished::Dead
                && let Some(number) = row.try_get("key_number")?
            {
                leaving.add_running(KeyNumber::from_row(number));
            }
        }
        let keys = remove_events(&untimed, &old).rows(connection).await?;
        if !old.is_empty() {
            let key = |row: &MySqlRow| Ok((row.try_get("name")?, row.try_get("first_id")?));
            let keys = keys.iter().map(key).collect::<Result<Vec<_>, sqlx::Error>>()?;
            let mut end = leave(&leaving, LockedNext::Leave, &self.contention, connection).await?;
            end.append(&remove_keys(&keys, old.len()));
            end.execute(connection).await?;
        }
        let removal = Removal { events: old.len(), more: untimed.len() + old.len() == self.limit };
        Ok(Removed { removal, last_due, took })
    }
}

impl Remove {
    pub(crate) fn select(&self) -> SqlBatch {
        let mut select = SqlBatch::new(
            "START TRANSACTION; SELECT id, done_at IS NULL AS untimed, key_number, \
             COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place \
             FROM Events FORCE INDEX (state_due) WHERE state = ",
        );
        select.number(State::from(self.finished).number()).sql(" AND due < ");
        select.time_at(self.before).starting_at(self.from);
        select.sql(" ORDER BY due, id LIMIT ").count(self.limit).sql(" FOR UPDATE SKIP LOCKED");
        select
    }
}

/// Removes events and finds the keys that end with them: a key lives as long as any of its events. Otherwise a repeated
/// request would create the events again while the first ones are still processed. Also finds keys whose first event was removed
/// earlier, once all events up to their last are gone. Until then such a key is without effect: a creation forgets it.
///
/// The keys are found by queries of their own, because a subquery of a DELETE locks the rows that it reads. A removal would fail
/// while another client has locked an event of the same batch. A key and its events are committed together, so a key without
/// events has lost them.
fn remove_events(untimed: &[EventId], old: &[EventId]) -> SqlBatch {
    let mut batch = SqlBatch::default();
    if !untimed.is_empty() {
        batch.sql("UPDATE Events SET due = UTC_TIMESTAMP(6), done_at = UTC_TIMESTAMP(6) WHERE id IN (");
        batch.ids(untimed).sql("); ");
    }
    if old.is_empty() {
        batch.sql(COMMIT);
        return batch;
    }
    batch.sql("DELETE FROM Events WHERE id IN (").ids(old).sql("); ");
    batch.sql("SELECT k.name, k.first_id FROM IdempotencyKeys AS k WHERE k.first_id IN (").ids(old);
    batch.sql(") AND ").sql(WITHOUT_EVENTS).sql("; ");
    batch.sql(
        "SELECT MIN(id) INTO @oldest FROM Events; \
         SELECT k.name, k.first_id FROM IdempotencyKeys AS k WHERE k.first_id < @oldest AND k.first_id + k.events <= @oldest AND ",
    );
    batch.sql(WITHOUT_EVENTS).sql(" ORDER BY k.first_id LIMIT 1000; ");
    batch.sql(HOLD);
    batch
}

const WITHOUT_EVENTS: &str =
    "NOT EXISTS (SELECT 1 FROM Events AS e WHERE e.id BETWEEN k.first_id AND k.first_id + k.events - 1)";

/// Deletes these keys. A creation that uses a key again meanwhile gives it another first id. Locks the ledger's row last, so that
/// the lock lasts only for the commit.
fn remove_keys(keys: &[(Vec<u8>, i64)], removed: usize) -> SqlBatch {
    let mut batch = SqlBatch::default();
    if !keys.is_empty() {
        batch.sql("DELETE FROM IdempotencyKeys WHERE (name, first_id) IN (").list(
            keys,
            |batch, (name, first)| {
                batch.sql("(").bytes(name).sql(",").number(*first).sql(")");
            },
        );
        batch.sql("); ");
    }
    batch.sql("UPDATE Ledger SET removed = removed + ").count(removed).sql("; ").sql(COMMIT);
    batch
}
