//! Removing finished events, a few at a time.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, Finished, State};
use crate::mark::LowWaterMark;
use crate::operations::OperationName;
use crate::script::{COMMIT, HOLD, Script};
use crate::session::{Operation, Session};

/// The most events that one call removes: its locks are short.
pub const LARGEST_REMOVAL: usize = 512;

/// What a call removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// How many events are gone.
    pub events: usize,
    /// Whether there may be more to remove.
    pub more: bool,
}

impl Session {
    /// Removes up to `limit` (at most [`LARGEST_REMOVAL`]) events that have been `finished` for longer than
    /// `older_than`, the oldest first, with their idempotency keys.
    ///
    /// What a classic program has done carries no time; its age begins the first time it is met here.
    ///
    /// `mark` belongs to one kind of `finished`.
    ///
    /// # Errors
    /// [`Error::ClockStepped`] and [`Error::ClockDisagrees`] where the database's clock can't be trusted to tell how old an
    /// event is.
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
        let remove = Remove { from, finished, before, limit: limit.min(LARGEST_REMOVAL) };
        let removed = self.run(&remove).await;
        match &removed {
            Ok(removed) => mark.walked(from, removed.took, removed.last_due),
            Err(error) => mark.not_walked(from, begun.elapsed(), error),
        }
        removed.map(|removed| removed.removal)
    }
}

pub(crate) struct Removed {
    removal: Removal,
    /// When the last of them had ended.
    last_due: Option<i64>,
    /// How long it took to find them.
    took: Duration,
}

pub(crate) struct Remove {
    pub(crate) from: Option<i64>,
    pub(crate) finished: Finished,
    /// Microseconds since 1970.
    pub(crate) before: i64,
    pub(crate) limit: usize,
}

impl Operation for Remove {
    const NAME: OperationName = OperationName::Remove;
    type Output = Removed;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Removed, sqlx::Error> {
        let begun = Instant::now();
        let mut select = self.select();
        select.sql("; ").sql(HOLD);
        let rows = select.rows(connection).await?;
        let took = begun.elapsed();
        let last_due = rows.last().map(|row| row.try_get("place")).transpose()?;
        let (mut untimed, mut old) = (Vec::new(), Vec::new());
        for row in rows {
            let id = EventId::from_row(row.try_get("id")?);
            if row.try_get("untimed")? { untimed.push(id) } else { old.push(id) }
        }
        remove(&untimed, &old).execute(connection).await?;
        let removal = Removal { events: old.len(), more: untimed.len() + old.len() == self.limit };
        Ok(Removed { removal, last_due, took })
    }
}

impl Remove {
    pub(crate) fn select(&self) -> Script {
        let mut select = Script::new(
            "START TRANSACTION; SELECT id, done_at IS NULL AS untimed, \
             COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place \
             FROM Events FORCE INDEX (state_due) WHERE state = ",
        );
        select.number(State::from(self.finished).number()).sql(" AND due < ");
        select.time_at(self.before).behind(self.from);
        select.sql(" ORDER BY due, id LIMIT ").count(self.limit).sql(" FOR UPDATE SKIP LOCKED");
        select
    }
}

/// The ledger's row is locked last, so that it is held for the commit alone.
fn remove(untimed: &[EventId], old: &[EventId]) -> Script {
    let mut script = Script::default();
    if !untimed.is_empty() {
        script.sql("UPDATE Events SET due = UTC_TIMESTAMP(6), done_at = UTC_TIMESTAMP(6) WHERE id IN (");
        script.ids(untimed).sql("); ");
    }
    if !old.is_empty() {
        script.sql("DELETE FROM IdempotencyKeys WHERE first_id IN (").ids(old);
        script.sql("); DELETE FROM Events WHERE id IN (").ids(old);
        script.sql("); UPDATE Ledger SET removed = removed + ").count(old.len()).sql("; ");
    }
    script.sql(COMMIT);
    script
}
