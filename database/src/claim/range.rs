//! Ranges of a backlog, which consumers of a lane take one after another from a shared cursor.
//!
//! The index entries of events that others have claimed remain until their transactions end and the server purges them. A locking
//! read that passes them checks each one for locks, which costs more than a claim. In a backlog, a consumer therefore first moves
//! the cursor past the events that it will claim, in a transaction of its own, and then claims these by their ids.
//!
//! The cursor is a hint. Events that a consumer took from it and did not claim, because it died or another client has locked them,
//! are found by the full scans of all consumers (`low_water_mark.rs`).

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::event::EventId;
use crate::lane::Lane;
use crate::low_water_mark::Start;
use crate::operations::OperationName;
use crate::scan::{self, LARGEST_CLAIM, Seen};
use crate::session::Operation;
use crate::sql_batch::SqlBatch;
use crate::time::NOW;

/// Condition: behind the position and the id in the variables.
const BEHIND: &str = " AND (due > TIMESTAMP'1970-01-01 00:00:00' + INTERVAL @place MICROSECOND \
     OR (due = TIMESTAMP'1970-01-01 00:00:00' + INTERVAL @place MICROSECOND AND id > @event))";
/// Condition: not behind the last event of the range.
const UNTIL: &str = " AND due <= TIMESTAMP'1970-01-01 00:00:00' + INTERVAL @last_place MICROSECOND";
const ORDER: &str = " ORDER BY due, id LIMIT ";

/// Takes the next range.
#[derive(Debug, Clone, Copy)]
pub(super) struct TakeRange {
    pub(super) lane: Lane,
    /// The consumer's own position. The range begins there if the cursor is before it, or later than now.
    pub(super) start: Start,
    /// Number of events.
    pub(super) events: usize,
}

impl Operation for TakeRange {
    const NAME: OperationName = OperationName::TakeRange;
    /// Another client that keeps the cursor locked delays one claim.
    const RETRIES_LOCK_WAITS: bool = false;
    /// The events, and the position of the last one if the range has as many as requested.
    type Output = Seen;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Seen, sqlx::Error> {
        let (now, rows) = scan::now(self.batch().rows(connection).await?)?;
        let (mut ids, mut cut) = (Vec::with_capacity(rows.len()), None);
        for row in rows {
            ids.push(EventId::from_row(row.try_get("id")?));
            cut = cut.max(row.try_get("end")?);
        }
        Ok(Seen { now, cut, ids })
    }
}

impl TakeRange {
    fn batch(&self) -> SqlBatch {
        let mut batch = SqlBatch::new(
            "SET @place = NULL, @event = NULL, @last_place = NULL, @last_event = NULL; START TRANSACTION; \
             SELECT place, event INTO @place, @event FROM LaneCursors WHERE lane = ",
        );
        batch.number(self.lane.number()).sql(" FOR UPDATE; ");
        self.begin(&mut batch);
        batch.sql("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), id INTO @last_place, @last_event");
        select_range_end(&mut batch, self.lane, self.events);
        batch.sql("; UPDATE LaneCursors SET place = @last_place, event = @last_event WHERE lane = ");
        batch.number(self.lane.number()).sql(" AND @last_place IS NOT NULL; COMMIT; ").now();
        batch.sql("SELECT id, NULL AS end");
        select_urgent(&mut batch, self.lane, self.start.since);
        batch.sql("; SELECT id, CAST(@last_place AS SIGNED) AS end");
        select_range(&mut batch, self.lane);
        batch
    }

    /// Adds a statement that corrects the cursor's position. A position after now was written under another clock.
    fn begin(&self, batch: &mut SqlBatch) {
        batch.sql("SET @ours = COALESCE(@place NOT BETWEEN ").number(self.start.place).sql(" AND ").sql(NOW);
        batch.sql(", 1) OR ").number(self.start.rewind);
        batch
            .sql("; SET @event = IF(@ours, 0, @event), @place = IF(@ours, ")
            .number(self.start.place)
            .sql(", @place); ");
    }
}

/// Adds the source of urgent events, which have arrived before the range since a time.
pub(crate) fn select_urgent(batch: &mut SqlBatch, lane: Lane, since: i64) {
    batch.due_in(lane);
    batch.sql(" AND due < TIMESTAMP'1970-01-01 00:00:00' + INTERVAL @place MICROSECOND AND (FALSE");
    batch.urgent(since, None).sql(")").sql(ORDER).count(LARGEST_CLAIM);
}

/// Adds the source of the last event of a range of this many events.
pub(crate) fn select_range_end(batch: &mut SqlBatch, lane: Lane, events: usize) {
    batch.due_in(lane).sql(BEHIND).sql(ORDER).count(events.saturating_sub(1)).sql(", 1");
}

/// Adds the source of a range's events. Events that were committed meanwhile belong to it as well.
pub(crate) fn select_range(batch: &mut SqlBatch, lane: Lane) {
    batch.due_in(lane).sql(BEHIND).sql(UNTIL).sql(ORDER).count(LARGEST_CLAIM);
}
