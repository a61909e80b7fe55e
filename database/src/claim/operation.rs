//! The transaction of a claim: a locking read, an update, and a read of the payloads.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::{ClaimLimit, Claimed, Claims, Isolation};
use crate::event::EventId;
use crate::lane::Lane;
use crate::operations::OperationName;
use crate::owner::{Lease, Owner};
use crate::scan::{self, Scan, Seen};
use crate::session::Operation;
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};
use crate::time::{duration, milliseconds};
use crate::trace_parent::TraceParent;

/// Columns that a claim reads, except the payload.
///
/// `COALESCE`, because MySQL (9.7.4) leaves the times of `INSERT INTO Events VALUES (1, '', 0)` at zero instead of their
/// defaults, and cannot compute with them.
const COLUMNS: &str = "SELECT id, token, attempts, lost_claims, LENGTH(payload) AS bytes, type, event_key, traceparent, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(6)), 0) AS age, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place";

/// Adds the locking read. Its order is the index's order: a sort would lock every pending event before it returned the
/// first, and leave none for the next consumer.
pub(crate) fn select_due(batch: &mut SqlBatch, lane: Lane, scan: Scan, limit: usize) {
    batch.sql(COLUMNS).due_in(lane).along(scan);
    batch.sql(" ORDER BY due, id LIMIT ").count(limit).sql(" FOR UPDATE SKIP LOCKED");
}

/// Adds the locking read of events that an earlier scan found. They may have moved to another lane.
fn select_found(batch: &mut SqlBatch, lane: Lane, ids: &[EventId]) {
    batch.sql(COLUMNS).sql(" FROM Events FORCE INDEX (PRIMARY) WHERE id IN (").ids(ids);
    batch.sql(") AND state = ").number(lane.state());
    batch.sql(" AND due <= UTC_TIMESTAMP(6) FOR UPDATE SKIP LOCKED");
}

/// The source of a claim's candidates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// A scan of the index.
    Index(Scan),
    /// Events that an earlier scan found, in the order of the queue.
    Found(&'a [EventId]),
}

/// The terms of a claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) owner: &'a Owner,
    pub(super) lease: Lease,
    pub(super) limit: ClaimLimit,
}

pub(super) struct ClaimOperation<'a> {
    pub(super) lane: Lane,
    pub(super) source: Source<'a>,
    pub(super) terms: Terms<'a>,
}

pub(super) struct Taken {
    pub(super) claims: Claims,
    pub(super) seen: Seen,
    /// Events that exceeded a limit. The commit unlocks them.
    pub(super) left: Vec<EventId>,
    /// Duration of the locking read.
    pub(super) took: Duration,
}

impl Operation for ClaimOperation<'_> {
    const NAME: OperationName = OperationName::Claim;
    type Output = Taken;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Taken, sqlx::Error> {
        let Terms { limit, .. } = self.terms;
        let begun = Instant::now();
        let (now, mut rows) = scan::now(self.select().rows(connection).await?)?;
        let took = begun.elapsed();
        if let Source::Found(ids) = self.source {
            let places: HashMap<_, _> = ids.iter().zip(0..).collect();
            rows.sort_by_cached_key(|row| id(row).ok().and_then(|id| places.get(&id).copied()));
        }
        let found = rows.len();
        let mut rest = rows.split_off(within(limit.bytes, &rows)?);
        rest.splice(0..0, rows.split_off(self.together(&rows)?));
        let more = found == limit.events || !rest.is_empty();
        let mut events = rows.iter().map(|row| self.claimed(row)).collect::<Result<Vec<_>, _>>()?;
        let cut = rows.last().filter(|_| more).map(|row| row.try_get("place")).transpose()?;
        let payloads = self.mark(&rows, &events)?.rows(connection).await?;
        add_payloads(&mut events, &payloads)?;
        let left = rest.iter().map(id).collect::<Result<_, _>>()?;
        let seen = Seen { now, cut, ids: Vec::new() };
        Ok(Taken { claims: Claims { events, more }, seen, left, took })
    }
}

impl ClaimOperation<'_> {
    fn select(&self) -> SqlBatch {
        let mut select = SqlBatch::new("START TRANSACTION; ");
        select.now();
        match self.source {
            Source::Index(scan) => select_due(&mut select, self.lane, scan, self.terms.limit.events),
            Source::Found(ids) => select_found(&mut select, self.lane, ids),
        }
        select.sql("; ").sql(HOLD);
        select
    }

    /// Returns how many of the first events one claim may take.
    fn together(&self, rows: &[MySqlRow]) -> Result<usize, sqlx::Error> {
        let Some(first) = rows.first().map(|row| self.isolation(row)).transpose()? else { return Ok(0) };
        for (index, row) in rows.iter().enumerate().take(first.most()) {
            if self.isolation(row)? != first {
                return Ok(index);
            }
        }
        Ok(rows.len().min(first.most()))
    }

    fn isolation(&self, row: &MySqlRow) -> Result<Isolation, sqlx::Error> {
        let most = i64::from(self.terms.owner.max_attempts.get());
        let next = i64::from(row.try_get::<i32, _>("attempts")?) + 1;
        Ok(match row.try_get::<i32, _>("lost_claims")? {
            0 => Isolation::None,
            1 if next < most => Isolation::Group,
            _ => Isolation::Alone,
        })
    }

    /// Returns the event as [`ClaimOperation::mark`] leaves it, without its payload. The row is locked, so that the update adds
    /// exactly one to token and attempts.
    fn claimed(&self, row: &MySqlRow) -> Result<Claimed, sqlx::Error> {
        Ok(Claimed {
            id: id(row)?,
            token: row.try_get::<i64, _>("token")? + 1,
            attempt: row.try_get::<i32, _>("attempts")?.saturating_add(1),
            payload: None,
            age: duration(row.try_get("age")?),
            event_type: row.try_get("type")?,
            key: row.try_get("event_key")?,
            trace: row.try_get::<Option<&str>, _>("traceparent")?.and_then(TraceParent::new),
            isolation: self.isolation(row)?,
        })
    }

    /// Marks the events as claimed, commits, and reads their payloads.
    fn mark(&self, rows: &[MySqlRow], events: &[Claimed]) -> Result<SqlBatch, sqlx::Error> {
        let Terms { owner, lease, .. } = self.terms;
        let mut batch = SqlBatch::default();
        if !events.is_empty() {
            batch
                .sql("UPDATE Events SET processing = 1, token = token + 1, attempts = LEAST(attempts, 2147483646) + 1, due = ");
            batch.in_future(lease.0).sql(", lease_until = ").in_future(lease.0);
            batch.sql(", owner = ").text(&owner.name);
            batch.sql(", lease_milliseconds = ").number(milliseconds(lease.0));
            batch.sql(", max_attempts = ").number(owner.max_attempts.get().min(i32::MAX.unsigned_abs()));
            batch.sql(" WHERE id IN (");
            batch.ids(events.iter().map(|event| &event.id)).sql("); ");
        }
        batch.sql(COMMIT);
        let mut with_payload = Vec::new();
        for (row, event) in rows.iter().zip(events) {
            if bytes(row)?.is_some() {
                with_payload.push(&event.id);
            }
        }
        if !with_payload.is_empty() {
            batch.sql("; SELECT id, payload FROM Events WHERE id IN (").ids(with_payload).sql(")");
        }
        Ok(batch)
    }
}

fn id(row: &MySqlRow) -> Result<EventId, sqlx::Error> {
    row.try_get("id").map(EventId::from_row)
}

/// Returns the length of an event's payload, or `None` if it has none.
fn bytes(row: &MySqlRow) -> Result<Option<usize>, sqlx::Error> {
    let bytes: Option<i64> = row.try_get("bytes")?;
    Ok(bytes.map(|bytes| usize::try_from(bytes).unwrap_or_default()))
}

/// Returns how many of the events have payloads of at most `limit` bytes together; at least one if any exists.
fn within(limit: usize, rows: &[MySqlRow]) -> Result<usize, sqlx::Error> {
    let mut sum = 0;
    for (index, row) in rows.iter().enumerate() {
        sum += bytes(row)?.unwrap_or_default();
        if sum > limit {
            return Ok(index.max(1));
        }
    }
    Ok(rows.len())
}

fn add_payloads(events: &mut [Claimed], rows: &[MySqlRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut payloads = HashMap::with_capacity(rows.len());
    for row in rows {
        payloads.insert(id(row)?, row.try_get("payload")?);
    }
    for event in events {
        event.payload = payloads.remove(&event.id).flatten();
    }
    Ok(())
}
