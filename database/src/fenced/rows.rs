//! The locked rows of claimed events.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::contention::Contention;
use crate::error::{number, number_of};
use crate::event::{EventId, State};
use crate::event_key::KeyNumber;
use crate::sql_batch::{HOLD, SqlBatch};

/// The locked events.
pub(super) type Rows = HashMap<EventId, Row>;

/// A locked event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    token: i64,
    state: i64,
    /// Key at which the event counts.
    pub(super) key: Option<KeyNumber>,
}

impl Row {
    /// Returns whether the claim with this token is open.
    pub(super) fn is_claimed_with(&self, token: i64) -> bool {
        self.token == token && self.state == State::Processing.number()
    }
}

/// The treatment of rows that other clients have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Wait,
    Skip,
}

/// Begins a transaction that locks the rows, before it locks any key. Skips rows that other clients keep locked.
pub(super) async fn lock(
    ids: &[EventId],
    contention: &Contention,
    connection: &mut MySqlConnection,
) -> Result<Rows, sqlx::Error> {
    if !contention.is_on() {
        match contention.watch(lock_rows(ids, Others::Wait, connection)).await {
            Err(error) if number_of(&error) == Some(number::LOCK_WAIT_TIMEOUT) => {}
            rows => return rows,
        }
    }
    lock_rows(ids, Others::Skip, connection).await
}

async fn lock_rows(
    ids: &[EventId],
    others: Others,
    connection: &mut MySqlConnection,
) -> Result<Rows, sqlx::Error> {
    let mut lock = SqlBatch::new(
        "START TRANSACTION; SELECT id, token, state, key_number FROM Events FORCE INDEX (PRIMARY) WHERE id IN (",
    );
    lock.ids(ids).sql(") FOR UPDATE").sql(if others == Others::Skip { " SKIP LOCKED" } else { "" });
    lock.sql("; ").sql(HOLD);
    let mut rows = Rows::with_capacity(ids.len());
    for row in lock.rows(connection).await? {
        let locked = Row {
            token: row.try_get("token")?,
            state: row.try_get("state")?,
            key: row.try_get::<Option<_>, _>("key_number")?.map(KeyNumber::from_row),
        };
        rows.insert(EventId::from_row(row.try_get("id")?), locked);
    }
    Ok(rows)
}
