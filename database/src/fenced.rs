//! Statements over many claims at once, each of which takes effect only while its fence token is the event's last.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::caution::Caution;
use crate::claim::Claimed;
use crate::error::{number, number_of};
use crate::event::{EventId, State};
use crate::script::Script;

/// The most claims in one statement.
const LARGEST_BATCH: usize = 512;
/// How many bytes of text one statement takes at the most. As JSON they are six times as many at the worst.
const LARGEST_TEXTS: usize = 1024 * 1024;

/// The items in pieces that one statement takes, of a server that takes `packet` bytes at once.
pub(crate) fn batches<'i, 'a>(
    mut items: &'i [Item<'a>],
    packet: usize,
) -> impl Iterator<Item = &'i [Item<'a>]> {
    let largest = LARGEST_TEXTS.min(packet / 8);
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |item: &&Item<'_>| {
            bytes += item.2.len();
            bytes <= largest
        };
        let many = items.iter().take(LARGEST_BATCH).take_while(fits).count().max(1);
        let (batch, rest) = items.split_at_checked(many)?;
        items = rest;
        Some(batch)
    })
}

/// A claim and what is to be written for it, as a row of the statement's list: `[id, token, text, number]`.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Item<'a>(i64, i64, &'a str, i64);

impl<'a> Item<'a> {
    pub(crate) fn new(claim: &Claimed, text: &'a str, number: i64) -> Self {
        Self(claim.id.get(), claim.token, text, number)
    }

    pub(crate) fn id(&self) -> EventId {
        EventId::from_row(self.0)
    }
}

/// A change of claimed events.
pub(crate) struct FencedUpdate {
    /// Assignments to the columns of `e`, from `item.text` and `item.number`.
    pub(crate) set: &'static str,
    /// What is true of the event once it has happened; false while the claim holds.
    pub(crate) happened: &'static str,
}

/// What matches while a claim is the event's last and unsettled.
const HELD: &str = "e.token = item.token AND e.state = 1";

impl FencedUpdate {
    /// The statement; its parameter is the list.
    pub(crate) fn update(&self, items: &[Item<'_>]) -> String {
        format!("UPDATE {} SET {} WHERE {HELD}", join(items), self.set)
    }

    /// Makes the change for each item whose claim holds, and says for which it happened, now or in an earlier try of the same.
    ///
    /// The list is one JSON parameter, so that the statement has few texts, and is prepared once. It is joined from the
    /// list's side, by primary key and in ascending order: all transactions lock events in the same order, so that no two
    /// wait for each other.
    ///
    /// Where somebody else keeps a row locked, the others do not wait for it.
    pub(crate) async fn apply(
        &self,
        items: &[Item<'_>],
        caution: &Caution,
        connection: &mut MySqlConnection,
    ) -> Result<Applied, sqlx::Error> {
        if !caution.is_on() {
            match caution.watch(self.apply_at_once(items, connection)).await {
                // The statement is rolled back, and was the whole transaction.
                Err(error) if number_of(&error) == Some(number::LOCK_WAIT_TIMEOUT) => {}
                happened => return Ok(Applied { happened: happened?, locked: Vec::new() }),
            }
        }
        let applied = self.apply_to_unlocked(items, connection).await?;
        if !applied.locked.is_empty() {
            caution.raise();
        }
        Ok(applied)
    }

    async fn apply_at_once(
        &self,
        items: &[Item<'_>],
        connection: &mut MySqlConnection,
    ) -> Result<Vec<EventId>, sqlx::Error> {
        let list = json(items)?;
        let updated =
            sqlx::query(AssertSqlSafe(self.update(items))).bind(&list).execute(&mut *connection).await?;
        // Matched rows: sqlx connects with CLIENT_FOUND_ROWS.
        if updated.rows_affected() == items.len() as u64 {
            return Ok(items.iter().map(Item::id).collect());
        }
        self.happened(items, connection).await
    }

    /// Those that `items` say of themselves that it happened.
    async fn happened(
        &self,
        items: &[Item<'_>],
        connection: &mut MySqlConnection,
    ) -> Result<Vec<EventId>, sqlx::Error> {
        let select = format!("SELECT e.id FROM {} WHERE {}", join(items), self.happened);
        let rows = sqlx::query(AssertSqlSafe(select)).bind(json(items)?).fetch_all(connection).await?;
        rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?))).collect()
    }

    /// The rows are locked first, without waiting for those that somebody else has.
    async fn apply_to_unlocked(
        &self,
        items: &[Item<'_>],
        connection: &mut MySqlConnection,
    ) -> Result<Applied, sqlx::Error> {
        let ids: Vec<EventId> = items.iter().map(Item::id).collect();
        let mut lock = Script::new(
            "START TRANSACTION; SELECT id, token, state FROM Events FORCE INDEX (PRIMARY) WHERE id IN (",
        );
        lock.ids(&ids).sql(") FOR UPDATE SKIP LOCKED");
        let mut unlocked = HashMap::with_capacity(items.len());
        for row in lock.rows(connection).await? {
            let claim: (i64, i8) = (row.try_get("token")?, row.try_get("state")?);
            unlocked.insert(EventId::from_row(row.try_get("id")?), claim);
        }
        let claim = |item: &Item<'_>| unlocked.get(&item.id()).copied();
        let (held, rest): (Vec<Item<'_>>, Vec<_>) =
            items.iter().partition(|item| claim(item) == Some((item.1, State::Processing.number())));
        let (over, missing): (Vec<Item<'_>>, Vec<_>) = rest.iter().partition(|item| claim(item).is_some());
        let mut happened: Vec<EventId> = held.iter().map(Item::id).collect();
        if !held.is_empty() {
            let update = sqlx::query(AssertSqlSafe(self.update(&held)));
            update.bind(json(&held)?).execute(&mut *connection).await?;
        }
        if !over.is_empty() {
            happened.extend(self.happened(&over, connection).await?);
        }
        let locked = commit(&missing, connection).await?;
        Ok(Applied { happened, locked })
    }
}

/// Commits, and gives those of the `missing` that are there: they are locked.
async fn commit(missing: &[Item<'_>], connection: &mut MySqlConnection) -> Result<Vec<EventId>, sqlx::Error> {
    let mut script = Script::new("COMMIT");
    if !missing.is_empty() {
        let ids: Vec<EventId> = missing.iter().map(Item::id).collect();
        script.sql("; SELECT id FROM Events FORCE INDEX (PRIMARY) WHERE id IN (").ids(&ids).sql(")");
    }
    let rows = script.rows(connection).await?;
    rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?))).collect()
}

fn json(items: &[Item<'_>]) -> Result<String, sqlx::Error> {
    serde_json::to_string(items).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// What became of a change of many events; it did not happen to the others, whose claims are over.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) happened: Vec<EventId>,
    /// Somebody else has the row locked.
    pub(crate) locked: Vec<EventId>,
}

/// The list and its events. Engines give a temporary table's row its full width, so that it is as narrow as it can be, in
/// few steps.
fn join(items: &[Item<'_>]) -> String {
    let longest = items.iter().map(|item| item.2.len()).max().unwrap_or_default();
    let width = [64, 1024].into_iter().find(|width| longest <= *width).unwrap_or(8000);
    format!(
        "JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', token BIGINT PATH '$[1]', \
         text VARCHAR({width}) CHARACTER SET utf8mb4 PATH '$[2]', number BIGINT PATH '$[3]')) AS item \
         STRAIGHT_JOIN Events AS e ON e.id = item.id"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_limit_in_bytes_and_nothing_is_left_out() {
        let texts = [700, 300, 100, 2000, 0, 0].map(|kibibytes| "x".repeat(kibibytes * 1024));
        let items: Vec<_> = texts.iter().map(|text| Item(1, 1, text, 0)).collect();
        assert_eq!(batches(&items, 16 << 20).map(<[_]>::len).collect::<Vec<_>>(), [2, 1, 1, 2]);
        let many: Vec<_> = (0..1025).map(|id| Item(id, 1, "", 0)).collect();
        assert_eq!(batches(&many, 16 << 20).map(<[_]>::len).collect::<Vec<_>>(), [512, 512, 1]);
        assert_eq!(batches(&[], 16 << 20).count(), 0);
    }
}
