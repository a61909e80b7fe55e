//! The statements that read statistics.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::{LaneStats, Stats, TypeStats};
use crate::id_block::CREATED_EVENTS;
use crate::lane::Lane;
use crate::operations::OperationName;
use crate::session::Operation;
use crate::sql_batch::SqlBatch;
use crate::time::duration;

/// Reads everything from one snapshot. Each count reads a range of the index, which takes a third of the time of one pass with
/// sums.
const READ: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
     SELECT ";
const REMOVED: &str = " AS created, Ledger.removed, ";
/// Pending events of the default lane and of all others are two ranges of the index.
const OTHERS: &str = " AS done, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due <= UTC_TIMESTAMP(6)) AS pending, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due > UTC_TIMESTAMP(6)) AS scheduled, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state BETWEEN -100 AND -1 AND due <= UTC_TIMESTAMP(6)) AS lanes_pending, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state BETWEEN -100 AND -1 AND due > UTC_TIMESTAMP(6)) AS lanes_scheduled, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state < -100) AS blocked, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 1) AS processing, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 3) AS dead, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 4) AS cancelled \
     FROM Ledger; ";
/// Reads the other lanes.
const LANES: &str = "SELECT l.lane, l.name, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = -l.lane AND due <= UTC_TIMESTAMP(6)) AS pending, \
       (SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = -l.lane AND due > UTC_TIMESTAMP(6)) AS scheduled \
     FROM Lanes AS l WHERE l.lane > 0 ORDER BY l.lane; ";

/// The source of the number of completed events.
#[derive(Debug, Clone, Copy)]
pub(super) enum Done {
    /// Their entries in the index.
    Counted,
    /// The remainder of all created events.
    Remainder,
}

impl Done {
    /// Returns an SQL expression; NULL for the remainder.
    fn sql(self) -> &'static str {
        match self {
            Self::Counted => "(SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state = 2)",
            Self::Remainder => "NULL",
        }
    }
}

/// A lane and its name, other than the default one.
pub(super) type NamedLane = (Lane, String);

/// Reads the numbers of all lanes, and the types of the default lane.
pub(super) struct ReadStats {
    pub(super) done: Done,
}

impl Operation for ReadStats {
    const NAME: OperationName = OperationName::CountByState;
    type Output = (Stats, Vec<NamedLane>);

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Self::Output, sqlx::Error> {
        let mut batch = SqlBatch::new(READ);
        batch.sql(CREATED_EVENTS).sql(REMOVED).sql(self.done.sql()).sql(OTHERS).sql(LANES);
        types(&mut batch, Lane::DEFAULT);
        batch.sql("; COMMIT");
        let rows = batch.rows(connection).await?;
        let (first, rest) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
        let mut stats = totals(first)?;
        let (lanes, types): (Vec<_>, Vec<_>) =
            rest.iter().partition(|row| row.try_get::<&str, _>("name").is_ok());
        stats.types = types.into_iter().map(|row| type_stats(row, None)).collect::<Result<_, _>>()?;
        let other_lanes = lanes.iter().map(|row| lane_stats(row)).collect::<Result<Vec<_>, _>>()?;
        stats.lanes.push(LaneStats {
            lane: None,
            pending: first.try_get("pending")?,
            scheduled: first.try_get("scheduled")?,
            oldest_pending: stats.types.iter().map(|of| of.oldest_pending).max(),
        });
        stats.lanes.extend(other_lanes);
        let named = lanes.iter().map(|row| Ok((Lane::from_row(row.try_get("lane")?), row.try_get("name")?)));
        Ok((stats, named.collect::<Result<_, sqlx::Error>>()?))
    }
}

fn totals(row: &MySqlRow) -> Result<Stats, sqlx::Error> {
    let sum = |one: &str, other: &str| {
        Ok::<i64, sqlx::Error>(row.try_get::<i64, _>(one)? + row.try_get::<i64, _>(other)?)
    };
    let (created, removed): (i64, i64) = (row.try_get("created")?, row.try_get("removed")?);
    let (pending, scheduled) = (sum("pending", "lanes_pending")?, sum("scheduled", "lanes_scheduled")?);
    let (blocked, processing): (i64, i64) = (row.try_get("blocked")?, row.try_get("processing")?);
    let dead: i64 = row.try_get("dead")?;
    let cancelled: i64 = row.try_get("cancelled")?;
    let done: Option<i64> = row.try_get("done")?;
    Ok(Stats {
        created,
        pending,
        scheduled,
        blocked,
        processing,
        done: done
            .unwrap_or(created - (pending + scheduled + blocked + processing + dead + cancelled + removed)),
        dead,
        cancelled,
        removed,
        ..Stats::default()
    })
}

fn lane_stats(row: &MySqlRow) -> Result<LaneStats, sqlx::Error> {
    Ok(LaneStats {
        lane: Some(row.try_get("name")?),
        pending: row.try_get("pending")?,
        scheduled: row.try_get("scheduled")?,
        oldest_pending: None,
    })
}

/// Reads the types of other lanes.
pub(super) struct ReadTypes<'a> {
    pub(super) lanes: &'a [NamedLane],
}

impl Operation for ReadTypes<'_> {
    const NAME: OperationName = OperationName::CountByState;
    type Output = Vec<TypeStats>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<TypeStats>, sqlx::Error> {
        let mut found = Vec::new();
        for (lane, name) in self.lanes {
            let mut batch = SqlBatch::default();
            types(&mut batch, *lane);
            let rows = batch.rows(connection).await?;
            let of = rows.iter().map(|row| type_stats(row, Some(name)));
            found.extend(of.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }
}

/// Adds a statement that reads the types of the first pending events of a lane. The oldest event is near the first one, because a
/// priority moves an event by minutes.
fn types(batch: &mut SqlBatch, lane: Lane) {
    batch.sql(
        "SELECT type, COUNT(*) AS pending, COALESCE(MAX(age), 0) AS oldest FROM (SELECT type, \
         TIMESTAMPDIFF(MICROSECOND, GREATEST(created_at, due, COALESCE(freed_at, due)), UTC_TIMESTAMP(6)) AS age",
    );
    batch.due_in(lane).sql(" ORDER BY due, id LIMIT ").count(Stats::SAMPLE).sql(") AS first GROUP BY type");
}

fn type_stats(row: &MySqlRow, lane: Option<&String>) -> Result<TypeStats, sqlx::Error> {
    let oldest: i64 = row.try_get("oldest")?;
    let oldest_pending: Duration = duration(oldest);
    Ok(TypeStats {
        event_type: row.try_get("type")?,
        lane: lane.cloned(),
        pending: row.try_get("pending")?,
        oldest_pending,
    })
}
