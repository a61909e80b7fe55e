//! Changes that people ask for: an event is tried again, or taken back.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, State};
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It was made.
    Changed,
    /// There is no such event.
    NotFound,
    /// Another client of the database keeps the event locked.
    Locked,
    /// The event is in a state that does not allow it.
    Refused(State),
}

impl Session {
    /// Has a dead or cancelled event tried again, as if it had never been; not before the time that it was created with.
    pub async fn retry(&mut self, id: EventId) -> Result<Transition, Error> {
        self.run(&Retry(id)).await
    }

    /// Takes a pending event back.
    pub async fn cancel(&mut self, id: EventId) -> Result<Transition, Error> {
        self.run(&Cancel(id)).await
    }
}

struct Retry(EventId);

impl Operation for Retry {
    const NAME: OperationName = OperationName::Retry;
    const PATIENT: bool = true;
    type Output = Transition;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Transition, sqlx::Error> {
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
    const PATIENT: bool = true;
    type Output = Transition;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Transition, sqlx::Error> {
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

/// How long a row may be locked by others, as claims do it for milliseconds, before it is said to be.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// The row is locked first, without waiting: whoever keeps it locked holds up no other change.
async fn outcome(
    update: Script,
    id: EventId,
    connection: &mut MySqlConnection,
) -> Result<Transition, sqlx::Error> {
    let begun = Instant::now();
    while !lock(id, connection).await? {
        let state = committed(id, connection).await?;
        if state.is_none() {
            return Ok(Transition::NotFound);
        }
        if begun.elapsed() > PATIENCE {
            return Ok(Transition::Locked);
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Matched rows: sqlx connects with CLIENT_FOUND_ROWS.
    let changed = update.execute(connection).await?.rows_affected() == 1;
    match committed(id, connection).await? {
        _ if changed => Ok(Transition::Changed),
        Some(state) => Ok(Transition::Refused(state)),
        None => Ok(Transition::NotFound),
    }
}

async fn lock(id: EventId, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let mut lock = Script::new("START TRANSACTION; SELECT id FROM Events WHERE id = ");
    lock.number(id.get()).sql(" FOR UPDATE SKIP LOCKED");
    Ok(!lock.rows(connection).await?.is_empty())
}

/// Ends the transaction, and gives the event's state.
async fn committed(id: EventId, connection: &mut MySqlConnection) -> Result<Option<State>, sqlx::Error> {
    let mut select = Script::new("COMMIT; SELECT state FROM Events WHERE id = ");
    select.number(id.get());
    let rows = select.rows(connection).await?;
    rows.first().map(|row| State::from_row(row.try_get("state")?)).transpose()
}
