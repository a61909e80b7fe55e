//! Claiming events: the oldest free ones, each by one consumer at a time.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::query_builder::QueryBuilder;
use sqlx::{Connection as _, Row as _};

use crate::error::Error;
use crate::event::{Claimed, Claimer, EventId};
use crate::session::{Operation, Session};
use crate::statement::{LONGEST_LIST, push_ids};

/// How long a claim holds without being settled; afterwards the event is free for others.
#[derive(Debug, Clone, Copy)]
pub struct Lease(Duration);

impl Lease {
    /// Exact to the microsecond, as the database's clock is.
    pub fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// As MySQL's `INTERVAL ? MICROSECOND` takes it.
    pub(crate) fn microseconds(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

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
        self.run(&Claim { claimer, lease, limit: limit.min(LONGEST_LIST) }).await
    }

    /// Whether anything is free: one cheap statement, for those who have nothing else to do.
    pub async fn has_free(&mut self) -> Result<bool, Error> {
        self.run(&HasFree).await
    }
}

/// The locking read. Its order is the index's order: a sort would lock every free event before the first is given, and
/// leave nothing for the next consumer. `FORCE INDEX`, because on a small table the optimizer prefers the primary key,
/// and would lock its way through the finished events.
pub const SELECT_FREE: &str = "SELECT id, token, attempts, payload FROM Events FORCE INDEX (state_id) \
     WHERE state = 0 ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED";

struct Claim<'a> {
    claimer: &'a Claimer,
    lease: Lease,
    limit: usize,
}

impl Operation for Claim<'_> {
    const NAME: &'static str = "claim events";
    type Output = Vec<Claimed>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Claimed>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let limit = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let rows = sqlx::query(SELECT_FREE).bind(limit).fetch_all(&mut *transaction).await?;
        let events = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
        if !events.is_empty() {
            let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
            self.mark(&mut transaction, &ids).await?;
        }
        transaction.commit().await?;
        Ok(events)
    }
}

impl Claim<'_> {
    async fn mark(&self, connection: &mut MySqlConnection, ids: &[EventId]) -> Result<(), sqlx::Error> {
        let mut update = QueryBuilder::new(
            "UPDATE Events SET processing = 1, token = token + 1, attempts = attempts + 1, \
             lease_until = UTC_TIMESTAMP(6) + INTERVAL ",
        );
        update.push_bind(self.lease.microseconds());
        update.push(" MICROSECOND, owner = ").push_bind(self.claimer.as_str());
        update.push(" WHERE id IN ");
        push_ids(&mut update, ids);
        update.build().execute(connection).await?;
        Ok(())
    }
}

/// The event as [`Claim::mark`] leaves it: its row is locked, so that exactly one is added.
fn claimed(row: &MySqlRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: EventId::from_row(row.try_get("id")?),
        token: row.try_get::<i64, _>("token")? + 1,
        attempt: row.try_get::<i32, _>("attempts")? + 1,
        payload: row.try_get("payload")?,
    })
}

struct HasFree;

impl Operation for HasFree {
    const NAME: &'static str = "look for free events";
    type Output = bool;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let look = sqlx::query("SELECT 1 FROM Events FORCE INDEX (state_id) WHERE state = 0 LIMIT 1");
        Ok(look.fetch_optional(connection).await?.is_some())
    }
}
