//! Numbers of events by state.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::id_block::CREATED_EVENTS;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;
use crate::time::duration;

/// Statistics of the queue at one moment. `created` is the sum of all other numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events ever created.
    pub created: i64,
    /// Events that may be claimed now.
    pub pending: i64,
    /// Events that may be claimed later.
    pub scheduled: i64,
    /// Claimed events.
    pub processing: i64,
    /// Completed events.
    pub done: i64,
    /// Events that were given up.
    pub dead: i64,
    /// Cancelled events.
    pub cancelled: i64,
    /// Finished events that were removed.
    pub removed: i64,
    /// Age of the oldest pending event: the time for which it could have been claimed, since its creation, its `not_before`, the
    /// end of its pause or its release.
    pub oldest_pending: Option<Duration>,
}

/// Pause after a count that took too long. Such a count reads for seconds, and prevents the purge of old row versions.
const COUNT_PAUSE: Duration = Duration::from_hours(1);

impl Session {
    /// Returns the statistics of this moment. Reads the index entry of each event, which takes a tenth of a second for a
    /// million. If it exceeds the time limit of an operation, this method returns [`Session::queue_stats`] for the next hour.
    pub async fn stats(&mut self) -> Result<Stats, Error> {
        if self.count_again.is_some_and(|again| Instant::now() < again) {
            return self.queue_stats().await;
        }
        match self.run(&ReadStats { done: COUNTED }).await {
            Err(failure) if failure.is_time_limit() => {
                self.count_again = Some(Instant::now() + COUNT_PAUSE);
                self.queue_stats().await
            }
            counted => counted,
        }
    }

    /// Returns the same statistics without counting completed events, which are the remainder of all created ones. Its cost depends
    /// only on the number of unfinished events, so it is suited for frequent calls.
    pub async fn queue_stats(&mut self) -> Result<Stats, Error> {
        self.run(&ReadStats { done: REMAINDER }).await
    }
}

/// Reads everything from one snapshot. Each count reads a range of the index, which takes a third of the time of one pass with
/// sums. The age needs few rows: a priority moves an event by minutes, so the oldest event is near the first one.
const READ: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
     SELECT ";
const REMOVED: &str = " AS created, Ledger.removed, ";
/// Counts completed events in the index.
const COUNTED: &str = "(SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 2)";
/// Leaves completed events to be computed as the remainder.
const REMAINDER: &str = "NULL";
const OTHERS: &str = " AS done, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due <= UTC_TIMESTAMP(6)) AS pending, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due > UTC_TIMESTAMP(6)) AS scheduled, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 1) AS processing, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 3) AS dead, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 4) AS cancelled, \
       (SELECT MAX(TIMESTAMPDIFF(MICROSECOND, GREATEST(created_at, due, COALESCE(freed_at, due)), UTC_TIMESTAMP(6))) \
        FROM (SELECT due, created_at, freed_at FROM Events FORCE INDEX (state_due) \
              WHERE state = 0 AND due <= UTC_TIMESTAMP(6) ORDER BY due, id LIMIT 1000) AS first) AS oldest \
     FROM Ledger; COMMIT";

struct ReadStats {
    /// SQL expression of the number of completed events.
    done: &'static str,
}

impl Operation for ReadStats {
    const NAME: OperationName = OperationName::CountByState;
    type Output = Stats;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Stats, sqlx::Error> {
        let mut batch = SqlBatch::new(READ);
        batch.sql(CREATED_EVENTS).sql(REMOVED).sql(self.done).sql(OTHERS);
        let rows = batch.rows(connection).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let (created, removed): (i64, i64) = (row.try_get("created")?, row.try_get("removed")?);
        let (pending, scheduled): (i64, i64) = (row.try_get("pending")?, row.try_get("scheduled")?);
        let (processing, dead): (i64, i64) = (row.try_get("processing")?, row.try_get("dead")?);
        let cancelled: i64 = row.try_get("cancelled")?;
        let done: Option<i64> = row.try_get("done")?;
        let oldest: Option<i64> = row.try_get("oldest")?;
        Ok(Stats {
            created,
            pending,
            scheduled,
            processing,
            done: done.unwrap_or(created - (pending + scheduled + processing + dead + cancelled + removed)),
            dead,
            cancelled,
            removed,
            oldest_pending: oldest.map(duration),
        })
    }
}
