//! Freeing what crashed consumers left locked.

use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;
use sqlx::query_builder::QueryBuilder;

use crate::claim::Lease;
use crate::error::Error;
use crate::event::EventId;
use crate::session::{Operation, Session};
use crate::statement::{LONGEST_LIST, push_ids};

impl Session {
    /// Frees claimed events whose lease has run out, up to 512 at a time, and gives their ids.
    ///
    /// A claim without a lease is one of a program that knows only the classic columns. Nobody knows when it was made,
    /// so that its lease, `unknown_age`, begins the first time it is seen here.
    pub async fn reclaim(&mut self, unknown_age: Lease) -> Result<Vec<EventId>, Error> {
        self.run(&Reclaim { unknown_age }).await
    }
}

/// Under READ COMMITTED the locks of rows that do not match are given back at once; rows in use are skipped.
const SELECT_CLAIMED: &str = "SELECT id, lease_until IS NULL FROM Events FORCE INDEX (state_id) \
     WHERE state = 1 AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(6)) \
     ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED";

struct Reclaim {
    unknown_age: Lease,
}

impl Operation for Reclaim {
    const NAME: &'static str = "reclaim events";
    type Output = Vec<EventId>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<EventId>, sqlx::Error> {
        let limit = u32::try_from(LONGEST_LIST).unwrap_or(u32::MAX);
        let mut transaction = connection.begin().await?;
        let claimed: Vec<(i64, bool)> =
            sqlx::query_as(SELECT_CLAIMED).bind(limit).fetch_all(&mut *transaction).await?;
        let (unleased, expired): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|(_, without_lease)| *without_lease);
        let expired = ids(expired);
        free(&mut transaction, &expired).await?;
        self.begin_lease(&mut transaction, &ids(unleased)).await?;
        transaction.commit().await?;
        Ok(expired)
    }
}

fn ids(rows: Vec<(i64, bool)>) -> Vec<EventId> {
    rows.into_iter().map(|(id, _)| EventId::from_row(id)).collect()
}

/// The token grows too, so that whoever held the event is fenced off before anybody else claims it.
async fn free(connection: &mut MySqlConnection, ids: &[EventId]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let free = "UPDATE Events SET processing = 0, lease_until = NULL, token = token + 1 WHERE id IN ";
    let mut update = QueryBuilder::new(free);
    push_ids(&mut update, ids);
    update.build().execute(connection).await?;
    Ok(())
}

impl Reclaim {
    async fn begin_lease(
        &self,
        connection: &mut MySqlConnection,
        ids: &[EventId],
    ) -> Result<(), sqlx::Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut update = QueryBuilder::new("UPDATE Events SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ");
        update.push_bind(self.unknown_age.microseconds());
        update.push(" MICROSECOND WHERE id IN ");
        push_ids(&mut update, ids);
        update.build().execute(connection).await?;
        Ok(())
    }
}
