//! Freeing what crashed consumers left locked.

use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;
use sqlx::query_builder::QueryBuilder;

use crate::claim::Lease;
use crate::error::Error;
use crate::event::EventId;
use crate::session::Session;
use crate::statement::{LONGEST_LIST, push_ids};

impl Session {
    /// Frees claimed events whose lease has run out, and gives their ids.
    ///
    /// A claim without a lease is one of a program that knows only the classic columns. Nobody knows when it was made,
    /// so that its lease, `unknown_age`, begins the first time it is seen here.
    pub async fn reclaim(&mut self, unknown_age: Lease) -> Result<Vec<EventId>, Error> {
        self.run("reclaim events", async |connection| reclaim(connection, unknown_age).await).await
    }
}

async fn reclaim(connection: &mut MySqlConnection, unknown_age: Lease) -> Result<Vec<EventId>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // The locks of rows that do not match are given back at once under READ COMMITTED; rows in use are skipped.
    let claimed: Vec<(i64, Option<i32>)> = sqlx::query_as(
        "SELECT id, CAST(lease_until < UTC_TIMESTAMP(6) AS SIGNED) FROM Events FORCE INDEX (state_id) \
         WHERE state = 1 AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(6)) \
         ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(u32::try_from(LONGEST_LIST).unwrap_or(u32::MAX))
    .fetch_all(&mut *transaction)
    .await?;
    let (expired, unleased): (Vec<_>, Vec<_>) =
        claimed.into_iter().partition(|(_, expired)| expired.is_some());
    let ids = |rows: Vec<(i64, Option<i32>)>| -> Vec<EventId> {
        rows.into_iter().map(|(id, _)| EventId::from_row(id)).collect()
    };
    let (expired, unleased) = (ids(expired), ids(unleased));
    if !expired.is_empty() {
        // A higher token fences off whoever held it, also a holder that set `processing` by hand.
        let mut free = QueryBuilder::new(
            "UPDATE Events SET processing = 0, lease_until = NULL, token = token + 1 WHERE id IN ",
        );
        push_ids(&mut free, &expired);
        free.build().execute(&mut *transaction).await?;
    }
    if !unleased.is_empty() {
        let mut lease = QueryBuilder::new("UPDATE Events SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ");
        lease.push_bind(unknown_age.microseconds()).push(" MICROSECOND WHERE id IN ");
        push_ids(&mut lease, &unleased);
        lease.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(expired)
}
