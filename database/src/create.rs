//! Creating events: ids from the counter, rows and counter in one transaction.

use sqlx::mysql::MySqlConnection;
use sqlx::query_builder::QueryBuilder;
use sqlx::{Connection as _, Executor as _};

use crate::error::{Error, number, number_of};
use crate::event::{EventId, NewEvent};
use crate::session::Session;
use crate::statement::pieces;

impl Session {
    /// Creates `events`, all or none, and gives their ids in the same order.
    ///
    /// The counter's row stays locked from the first statement to the commit, so that ids are distinct, have no gaps,
    /// and become visible in order; the price is that creations come one after another, which is why callers put many
    /// events into one call.
    pub async fn create(&mut self, events: &[NewEvent]) -> Result<Vec<EventId>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let created = self.run("create events", async |connection| insert(connection, events).await).await;
        match created {
            Err(Error::Query { source, .. }) if number_of(&source) == Some(number::DUPLICATE_ENTRY) => {
                // A program that reads the counter, inserts and then moves the counter, without a lock, was faster.
                self.run("move the counter past the events", async |connection| skip_taken(connection).await)
                    .await?;
                self.run("create events", async |connection| insert(connection, events).await).await
            }
            other => other,
        }
    }
}

async fn insert(connection: &mut MySqlConnection, events: &[NewEvent]) -> Result<Vec<EventId>, sqlx::Error> {
    let many = i64::try_from(events.len()).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut transaction = connection.begin().await?;
    let counted = sqlx::query("UPDATE DBStatus SET id = LAST_INSERT_ID(id + ?)")
        .bind(many)
        .execute(&mut *transaction)
        .await?;
    let last = i64::try_from(counted.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    if counted.rows_affected() != 1 || last < many {
        return Err(sqlx::Error::Protocol(format!(
            "DBStatus must have exactly one row with an id of at least 0; {} rows were counted up to {last}",
            counted.rows_affected()
        )));
    }
    let rows: Vec<(EventId, &NewEvent)> = (last - many + 1..).map(EventId::from_row).zip(events).collect();
    for piece in pieces(&rows) {
        let mut insert = QueryBuilder::new("INSERT INTO Events (id, payload) ");
        insert.push_values(piece, |mut row, (id, event)| {
            row.push_bind(id.get()).push_bind(event.payload.as_deref());
        });
        insert.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

async fn skip_taken(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection
        .execute("UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))")
        .await?;
    Ok(())
}
