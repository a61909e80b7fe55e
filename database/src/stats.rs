//! How many events there are, by state.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::time::duration;

/// The queue in figures, all of one moment: `created` is the sum of all the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Ever created.
    pub created: i64,
    /// To be claimed now.
    pub pending: i64,
    /// To be claimed later.
    pub scheduled: i64,
    /// Claimed.
    pub processing: i64,
    /// With an answer.
    pub done: i64,
    /// Given up.
    pub dead: i64,
    /// Taken back.
    pub cancelled: i64,
    /// Finished, and removed since.
    pub removed: i64,
    /// For how long the one of the pending ones could be claimed that could be for the longest time: since its creation, the
    /// time that it was scheduled for, the end of its pause, or since it was given back.
    pub oldest_pending: Option<Duration>,
}

/// How long nobody counts in vain what takes too long to count: each time it reads for seconds, and keeps old versions of rows.
const COUNT_PAUSE: Duration = Duration::from_hours(1);

impl Session {
    /// The figures of this moment. It reads the index entry of each event: a tenth of a second for a
    /// million. Where that takes the server longer than an operation may, they are those of [`Session::queue_stats`], and it is
    /// not tried again for an hour.
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

    /// The same figures, without a look at what is done: that is what remains of all that was created. As quick as few
    /// events wait, however many have been processed, and so for whoever asks again and again.
    pub async fn queue_stats(&mut self) -> Result<Stats, Error> {
        self.run(&ReadStats { done: REMAINDER }).await
    }
}

/// One snapshot for all of it. Each count reads a range of the index: a third of the time that one pass with sums takes.
/// The age is a matter of few rows: a priority moves an event in line by minutes, so that the first in line need not be the
/// oldest, but is not far from it.
const READ: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
     SELECT DBStatus.id AS created, Ledger.removed, ";
/// What is done, from the index.
const COUNTED: &str = "(SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 2)";
/// What is done is what is left of all that was created.
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
     FROM DBStatus, Ledger; COMMIT";

struct ReadStats {
    /// An expression.
    done: &'static str,
}

impl Operation for ReadStats {
    const NAME: OperationName = OperationName::CountByState;
    type Output = Stats;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Stats, sqlx::Error> {
        let mut script = Script::new(READ);
        script.sql(self.done).sql(OTHERS);
        let rows = script.rows(connection).await?;
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
