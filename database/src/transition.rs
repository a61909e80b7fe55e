//! Changes of an event at a user's request: a retry or a cancellation.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::contention::Contention;
use crate::error::Error;
use crate::event::{EventId, State};
use crate::event_key::KeyNumber;
use crate::keys::{Joining, Leaving, LockedNext, leave};
use crate::lanes::lane_of_type;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

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
        let contention = self.contention();
        self.run(&Cancel { id, contention }).await
    }
}

struct Retry(EventId);

impl Operation for Retry {
    const NAME: OperationName = OperationName::Retry;
    const PATIENT: bool = true;
    type Output = Transition;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Transition, sqlx::Error> {
        let locked = match lock(self.0, connection).await? {
            Ok(locked) => locked,
            Err(transition) => return Ok(transition),
        };
        if !matches!(locked.state, State::Dead | State::Cancelled) {
            return refuse(locked.state, connection).await;
        }
        let mut update = SqlBatch::default();
        let mut joining = Joining::default();
        // A dead event that blocks its key still counts there. Any other one begins again after all events of its key.
        let counts = locked.counts && locked.state == State::Dead;
        let joined = locked.key.filter(|_| !counts).map(|number| joining.add(number));
        if joined.is_some() {
            for statement in joining.statements() {
                update.append(&statement).sql("; ");
            }
        }
        update.sql(
            // 2 if classic programs must not see it: they know neither `not_before`, types nor keys.
            "UPDATE Events SET processing = IF(type IS NOT NULL OR event_key IS NOT NULL \
             OR COALESCE(not_before > UTC_TIMESTAMP(6), FALSE), 2, 0), \
             attempts = 0, lost_claims = 0, token = token + 1, done_at = NULL, freed_at = UTC_TIMESTAMP(6), lane = ",
        );
        update.sql(lane_of_type!()).sql(", due = ");
        if let Some(joined) = joined {
            update.sql("IF(").is_free(joined).sql(",").sql(PLACE).sql(",").blocked_place(joined, &joining);
            update.sql("), key_number = ").number(joined.number().get());
            update.sql(", blocked = NOT(").is_free(joined).sql(")");
        } else {
            update.sql(PLACE);
        }
        update.sql(" WHERE id = ").number(self.0.get()).sql("; ").sql(COMMIT);
        update.execute(connection).await?;
        Ok(Transition::Changed)
    }
}

/// Position of a retried event.
const PLACE: &str =
    "GREATEST(COALESCE(not_before, '1000-01-01'), UTC_TIMESTAMP(6) - INTERVAL priority MINUTE)";

struct Cancel {
    id: EventId,
    contention: Contention,
}

impl Operation for Cancel {
    const NAME: OperationName = OperationName::Cancel;
    const PATIENT: bool = true;
    type Output = Transition;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Transition, sqlx::Error> {
        let locked = match lock(self.id, connection).await? {
            Ok(locked) => locked,
            Err(transition) => return Ok(transition),
        };
        let mut leaving = Leaving::default();
        match (locked.state, locked.key.filter(|_| locked.counts)) {
            (State::Pending | State::Blocked, None) => {}
            (State::Pending, Some(number)) => leaving.add_running(number),
            (State::Blocked, Some(number)) => leaving.add_blocked(number),
            (state, _) => return refuse(state, connection).await,
        }
        let mut update = SqlBatch::new(
            // A program of the previous version has not stored `not_before`.
            "UPDATE Events SET not_before = IF(attempts = 0 AND processing = 2 AND blocked = 0 AND due > UTC_TIMESTAMP(6), \
             due, not_before), \
             processing = 4, blocked = 0, key_number = NULL, token = token + 1, due = UTC_TIMESTAMP(6), \
             done_at = UTC_TIMESTAMP(6) WHERE id = ",
        );
        update.number(self.id.get()).sql("; ");
        if !leaving.is_empty() {
            update.execute(connection).await?;
            update = leave(&leaving, LockedNext::Leave, &self.contention, connection).await?;
        }
        update.sql(COMMIT);
        update.execute(connection).await?;
        Ok(Transition::Changed)
    }
}

/// Time for which a row may be locked, as claims lock it for milliseconds, before it is reported as locked.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause between two attempts to lock the row.
const PAUSE: Duration = Duration::from_millis(10);

/// An event whose row is locked until the end of the transaction.
#[derive(Debug)]
struct Locked {
    state: State,
    key: Option<KeyNumber>,
    /// True if the event counts at its key.
    counts: bool,
}

/// Locks an event's row without waiting for it, so that a lock of another client delays no other change. Returns the result of the
/// change if the row cannot be locked.
async fn lock(
    id: EventId,
    connection: &mut MySqlConnection,
) -> Result<Result<Locked, Transition>, sqlx::Error> {
    let begun = Instant::now();
    loop {
        let mut lock = SqlBatch::new(
            "START TRANSACTION; SELECT state, event_key, key_number IS NOT NULL AS counts FROM Events WHERE id = ",
        );
        lock.number(id.get()).sql(" FOR UPDATE SKIP LOCKED; ").sql(HOLD);
        if let Some(row) = lock.rows(connection).await?.first() {
            return Ok(Ok(Locked {
                state: State::from_row(row.try_get("state")?)?,
                key: row.try_get::<Option<&str>, _>("event_key")?.map(KeyNumber::of),
                counts: row.try_get("counts")?,
            }));
        }
        let mut exists = SqlBatch::new(COMMIT);
        exists.sql("; SELECT id FROM Events WHERE id = ").number(id.get());
        if exists.rows(connection).await?.is_empty() {
            return Ok(Err(Transition::NotFound));
        }
        if begun.elapsed() > PATIENCE {
            return Ok(Err(Transition::Locked));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends the transaction of a change that the event's state does not allow.
async fn refuse(state: State, connection: &mut MySqlConnection) -> Result<Transition, sqlx::Error> {
    SqlBatch::new(COMMIT).execute(connection).await?;
    Ok(Transition::Refused(state))
}
