//! How many events there are, by state.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::time::duration;

/// The queue in figures, all of one moment: `created` is the sum of all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// How long the oldest of the pending ones has waited since its creation or the time it was scheduled for.
    pub oldest_pending: Option<Duration>,
}

impl Session {
    /// The figures of this moment. It reads the index entry of each event.
    pub async fn stats(&mut self) -> Result<Stats, Error> {
        self.run(&ReadStats { entries: Entries::All }).await
    }

    /// The same figures, without a look at what is done: that is what remains of all that was created. As quick as few
    /// events wait, however many have been processed, and so for whoever asks again and again.
    pub async fn queue_stats(&mut self) -> Result<Stats, Error> {
        self.run(&ReadStats { entries: Entries::AllButDone }).await
    }
}

/// Which entries of the index are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entries {
    All,
    AllButDone,
}

/// One snapshot for both statements. The age is a matter of few rows: a priority moves an event in line by minutes, so
/// that the first in line need not be the oldest, but is not far from it.
const READ: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
     SELECT DBStatus.id AS created, Ledger.removed, counts.*, \
       (SELECT TIMESTAMPDIFF(MICROSECOND, MIN(due + INTERVAL priority MINUTE), UTC_TIMESTAMP(6)) \
        FROM (SELECT due, priority FROM Events FORCE INDEX (state_due) \
              WHERE state = 0 AND due <= UTC_TIMESTAMP(6) ORDER BY due, id LIMIT 1000) AS first) AS oldest \
     FROM DBStatus, Ledger, \
       (SELECT CAST(COALESCE(SUM(state = 0 AND due <= UTC_TIMESTAMP(6)), 0) AS SIGNED) AS pending, \
               CAST(COALESCE(SUM(state = 0 AND due > UTC_TIMESTAMP(6)), 0) AS SIGNED) AS scheduled, \
               CAST(COALESCE(SUM(state = 1), 0) AS SIGNED) AS processing, \
               CAST(COALESCE(SUM(state = 2), 0) AS SIGNED) AS done, \
               CAST(COALESCE(SUM(state = 3), 0) AS SIGNED) AS dead, \
               CAST(COALESCE(SUM(state = 4), 0) AS SIGNED) AS cancelled \
        FROM Events FORCE INDEX (state_due)";
const ALL_BUT_DONE: &str = " WHERE state <> 2";
const END: &str = ") AS counts; COMMIT";

struct ReadStats {
    entries: Entries,
}

impl Operation for ReadStats {
    const NAME: &'static str = "count events by state";
    type Output = Stats;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Stats, sqlx::Error> {
        let mut script = Script::new(READ);
        if self.entries == Entries::AllButDone {
            script.sql(ALL_BUT_DONE);
        }
        script.sql(END);
        let rows = script.rows(connection).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let oldest: Option<i64> = row.try_get("oldest")?;
        let mut stats = Stats {
            created: row.try_get("created")?,
            pending: row.try_get("pending")?,
            scheduled: row.try_get("scheduled")?,
            processing: row.try_get("processing")?,
            done: row.try_get("done")?,
            dead: row.try_get("dead")?,
            cancelled: row.try_get("cancelled")?,
            removed: row.try_get("removed")?,
            oldest_pending: oldest.map(duration),
        };
        if self.entries == Entries::AllButDone {
            let Stats { created, pending, scheduled, processing, done: _, dead, cancelled, removed, .. } =
                stats;
            stats.done = created - (pending + scheduled + processing + dead + cancelled + removed);
        }
        Ok(stats)
    }
}
