//! Claiming events: the oldest free ones, each by one consumer at a time.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::query_builder::QueryBuilder;
use sqlx::{Connection as _, Row as _};

use crate::error::Error;
use crate::event::{Claimed, Claimer, EventId};
use crate::session::Session;
use crate::statement::{LONGEST_LIST, push_ids};

/// How long a claim holds without being settled; afterwards the event is free for others.
#[derive(Debug, Clone, Copy)]
pub struct Lease(Duration);

impl Lease {
    /// `duration` is rounded down to milliseconds.
    pub fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// In microseconds, as MySQL's `INTERVAL ? MICROSECOND` takes it.
    pub(crate) fn microseconds(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

/// The locking read. Its order is the index's order: a sort would lock every free event before the first is given, and
/// leave nothing for the next consumer. `FORCE INDEX`, because on a small table the optimizer prefers the primary key,
/// and would lock its way through the finished events.
pub(crate) const SELECT_FREE: &str = "SELECT id, token, attempts, payload FROM Events FORCE INDEX (state_id) \
     WHERE state = 0 ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED";

impl Session {
    /// Claims up to `limit` of the oldest free events, skipping those that others are claiming at this moment.
    ///
    /// Fewer than `limit` (512 at the most) means that no more were free. No transaction stays open.
    pub async fn claim(
        &mut self,
        claimer: &Claimer,
        lease: Lease,
        limit: usize,
    ) -> Result<Vec<Claimed>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.run("claim events", async |connection| claim(connection, claimer, lease, limit).await).await
    }
}

async fn claim(
    connection: &mut MySqlConnection,
    claimer: &Claimer,
    lease: Lease,
    limit: usize,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let rows = sqlx::query(SELECT_FREE)
        .bind(u32::try_from(limit.min(LONGEST_LIST)).unwrap_or(u32::MAX))
        .fetch_all(&mut *transaction)
        .await?;
    let events = rows.iter().map(claimed_event).collect::<Result<Vec<_>, _>>()?;
    if events.is_empty() {
        transaction.rollback().await?;
        return Ok(events);
    }
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let mut update = QueryBuilder::new(
        "UPDATE Events SET processing = 1, token = token + 1, attempts = attempts + 1, \
         lease_until = UTC_TIMESTAMP(6) + INTERVAL ",
    );
    update.push_bind(lease.microseconds()).push(" MICROSECOND, owner = ").push_bind(claimer.as_str());
    update.push(" WHERE id IN ");
    push_ids(&mut update, &ids);
    update.build().execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(events)
}

/// The event as the update leaves it: its row is locked, so the update adds exactly one.
fn claimed_event(row: &MySqlRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: EventId::from_row(row.try_get("id")?),
        token: row.try_get::<i64, _>("token")? + 1,
        attempt: row.try_get::<i32, _>("attempts")? + 1,
        payload: row.try_get("payload")?,
    })
}
