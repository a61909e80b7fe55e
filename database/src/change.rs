//! Changes that people ask for: an event is tried again, or taken back.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, State};
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Changed,
    /// There is no such event.
    NotFound,
    /// The event is in a state that does not allow it.
    Refused(State),
}

impl Session {
    /// Has a dead or cancelled event tried again, as if it had never been; not before the time that it was created with.
    pub async fn retry(&mut self, id: EventId) -> Result<Change, Error> {
        self.run(&Retry(id)).await
    }

    /// Takes a pending event back.
    pub async fn cancel(&mut self, id: EventId) -> Result<Change, Error> {
        self.run(&Cancel(id)).await
    }
}

struct Retry(EventId);

impl Operation for Retry {
    const NAME: OperationName = OperationName::Retry;
    type Output = Change;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Change, sqlx::Error> {
        let mut update = Script::new(
            // 2, where it has to wait: classic programs know no time before which an event is not to be taken.
            "UPDATE Events SET processing = IF(COALESCE(not_before > UTC_TIMESTAMP(6), FALSE), 2, 0), attempts = 0, \
             lost_claims = 0, token = token + 1, done_at = NULL, freed_at = UTC_TIMESTAMP(6), \
             due = GREATEST(COALESCE(not_before, '1000-01-01'), UTC_TIMESTAMP(6) - INTERVAL priority MINUTE) \
             WHERE state IN (3, 4) AND id = ",
        );
        update.number(self.0.get());
        outcome(update, self.0, connection).await
    }
}

struct Cancel(EventId);

impl Operation for Cancel {
    const NAME: OperationName = OperationName::Cancel;
    type Output = Change;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Change, sqlx::Error> {
        let mut update = Script::new(
            // A program of the version before has not written down what it was created with.
            "UPDATE Events SET not_before = IF(attempts = 0 AND processing = 2 AND due > UTC_TIMESTAMP(6), due, not_before), \
             processing = 4, token = token + 1, due = UTC_TIMESTAMP(6), \
             done_at = UTC_TIMESTAMP(6) WHERE state = 0 AND id = ",
        );
        update.number(self.0.get());
        outcome(update, self.0, connection).await
    }
}

async fn outcome(
    update: Script,
    id: EventId,
    connection: &mut MySqlConnection,
) -> Result<Change, sqlx::Error> {
    // Matched rows: sqlx connects with CLIENT_FOUND_ROWS.
    if update.execute(connection).await?.rows_affected() == 1 {
        return Ok(Change::Changed);
    }
    let mut select = Script::new("SELECT state FROM Events WHERE id = ");
    select.number(id.get());
    match select.rows(connection).await?.first() {
        None => Ok(Change::NotFound),
        Some(row) => Ok(Change::Refused(State::from_row(row.try_get("state")?)?)),
    }
}
