//! Creating events: ids from the counter, rows and counter in one transaction.

use sqlx::mysql::MySqlConnection;
use sqlx::query_builder::QueryBuilder;
use sqlx::{Connection as _, Executor as _};

use crate::error::{Error, number, number_of};
use crate::event::{EventId, NewEvent};
use crate::session::{Operation, Session};
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
        match self.run(&Insert { events }).await {
            Err(Error::Query { source, .. }) if number_of(&source) == Some(number::DUPLICATE_ENTRY) => {
                // A program that reads the counter, inserts and then moves the counter, without a lock, was faster.
                self.run(&SkipTaken).await?;
                self.run(&Insert { events }).await
            }
            other => other,
        }
    }
}

struct Insert<'a> {
    events: &'a [NewEvent],
}

impl Operation for Insert<'_> {
    const NAME: &'static str = "create events";
    type Output = Vec<EventId>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<EventId>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let first = count(&mut transaction, self.events.len()).await?;
        let rows: Vec<(EventId, &NewEvent)> = (first..).map(EventId::from_row).zip(self.events).collect();
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
}

/// Moves the counter by `many` and gives the first of the ids.
async fn count(connection: &mut MySqlConnection, many: usize) -> Result<i64, sqlx::Error> {
    let many = i64::try_from(many).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let counted =
        sqlx::query("UPDATE DBStatus SET id = LAST_INSERT_ID(id + ?)").bind(many).execute(connection).await?;
    let last = i64::try_from(counted.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    match counted.rows_affected() {
        1 if last >= many => Ok(last - many + 1),
        rows => Err(sqlx::Error::Protocol(format!(
            "DBStatus must have one row with an id of at least 0; it has {rows}, and its id became {last}"
        ))),
    }
}

/// Moves the counter past every event there is.
struct SkipTaken;

impl Operation for SkipTaken {
    const NAME: &'static str = "move the counter past the events";
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let skip = "UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))";
        connection.execute(skip).await?;
        Ok(())
    }
}
