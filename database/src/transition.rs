//! Changes of an event at a user's request: a retry or a cancellation.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, State};
use crate::lanes::lane_of_type;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

/// The result of a retry or a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The event was changed.
    Changed,
    /// The event does not exist.
    NotFound,
    /// Another client of the database has locked the event.
    Locked,
    /// The event's state does not allow the change.
    Refused(State),
}

impl Session {
    /// Retries a dead or cancelled event as if it were new, but not before its original `not_before`.
    pub async fn retry(&mut self, id: EventId) -> Result<Transition, Error> {
        self.run(&Retry(id)).await
    }

    /// Cancels a pending event.
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
        let mut update = SqlBatch::new(concat!(
            // 2 if classic programs must not see it: they know neither `not_before` nor types.
            "UPDATE Events SET processing = IF(type IS NOT NULL OR COALESCE(not_before > UTC_TIMESTAMP(6), FALSE), 2, 0), \
             attempts = 0, lost_claims = 0, token = token + 1, done_at = NULL, freed_at = UTC_TIMESTAMP(6), \
             due = GREATEST(COALESCE(not_before, '1000-01-01'), UTC_TIMESTAMP(6) - INTERVAL priority MINUTE), lane = ",
            lane_of_type!(),
            " WHERE state IN (3, 4) AND id = ",
        ));
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
        let mut update = SqlBatch::new(
            // A program of the previous version has not stored `not_before`.
            "UPDATE Events SET not_before = IF(attempts = 0 AND processing = 2 AND due > UTC_TIMESTAMP(6), due, not_before), \
             processing = 4, token = token + 1, due = UTC_TIMESTAMP(6), \
             done_at = UTC_TIMESTAMP(6) WHERE state <= 0 AND id = ",
        );
        update.number(self.0.get());
        outcome(update, self.0, connection).await
    }
}

/// Time for which a row may be locked, as claims lock it for milliseconds, before it is reported as locked.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause between two attempts to lock the row.
const PAUSE: Duration = Duration::from_millis(10);

/// Executes the update after it locked the row without waiting, so that a lock of another client delays no other change.
async fn outcome(
    update: SqlBatch,
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
    let mut lock = SqlBatch::new("START TRANSACTION; SELECT id FROM Events WHERE id = ");
    lock.number(id.get()).sql(" FOR UPDATE SKIP LOCKED");
    Ok(!lock.rows(connection).await?.is_empty())
}

/// Ends the transaction, and returns the event's state.
async fn committed(id: EventId, connection: &mut MySqlConnection) -> Result<Option<State>, sqlx::Error> {
    let mut select = SqlBatch::new("COMMIT; SELECT state FROM Events WHERE id = ");
    select.number(id.get());
    let rows = select.rows(connection).await?;
    rows.first().map(|row| State::from_row(row.try_get("state")?)).transpose()
}
