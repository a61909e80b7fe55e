//! Updates of many claims at once. Each row changes only while the claim's fence token is the event's current one.

mod rows;

use serde::Serialize;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::claim::Claimed;
use crate::contention::Contention;
use crate::error::{number, number_of};
use crate::event::EventId;
use crate::keys::{Leaving, LockedNext, leave};
use crate::sql_batch::{COMMIT, SqlBatch};
use rows::Rows;

/// Maximum number of claims in one statement.
const LARGEST_BATCH: usize = 512;
/// Maximum size of one statement's texts, in bytes. Their JSON is at most six times as long.
const LARGEST_TEXTS: usize = 1024 * 1024;

/// Splits the items into batches that fit one statement, for a server whose packets have `packet` bytes.
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

/// A claim and its new values, as a row of the statement's list: `[id, token, text, number]`. The last field tells whether the event
/// has a key.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Item<'a>(i64, i64, &'a str, i64, #[serde(skip)] bool);

impl<'a> Item<'a> {
    pub(crate) fn new(claim: &Claimed, text: &'a str, number: i64) -> Self {
        Self(claim.id.get(), claim.token, text, number, claim.key.is_some())
    }

    pub(crate) fn id(&self) -> EventId {
        EventId::from_row(self.0)
    }
}

/// An update of claimed events that is fenced by their tokens.
pub(crate) struct FencedUpdate {
    /// Assignments to the columns of `e`, from `item.text` and `item.number`.
    pub(crate) set: &'static str,
    /// The items whose events are over after the update.
    pub(crate) ends: Ends,
    /// Condition that holds once the update has been applied, and does not hold while the claim is open.
    pub(crate) happened: &'static str,
}

/// The items of an update whose events are over afterwards, so that later events of their keys follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Never,
    /// The items with a negative number, unless a dead event blocks its key.
    Dead,
    Always,
}

/// Condition that holds while the claim is the event's current one and unsettled.
const HELD: &str = "e.token = item.token AND e.state = 1";

impl FencedUpdate {
    /// Returns whether the update may end the event of an item, and so unblock others.
    pub(crate) fn may_end(&self, item: &Item<'_>) -> bool {
        let ends = match self.ends {
            Ends::Never => false,
            Ends::Dead => item.3 < 0,
            Ends::Always => true,
        };
        ends && item.4
    }

    /// Returns the statement. Its parameter is the list.
    pub(crate) fn update(&self, items: &[Item<'_>]) -> String {
        format!("UPDATE {} SET {} WHERE {HELD}", join(items), self.set)
    }

    /// Applies the update to each item whose claim is open. Reports the items to which it was applied, now or in an earlier
    /// attempt.
    ///
    /// The list is one JSON parameter, so that few distinct statements exist, each prepared once. The join starts from the
    /// list, by primary key and in ascending order: all transactions lock events in the same order, so that they cannot
    /// deadlock.
    ///
    /// A row that another client has locked does not delay the other rows.
    pub(crate) async fn apply(
        &self,
        items: &[Item<'_>],
        contention: &Contention,
        connection: &mut MySqlConnection,
    ) -> Result<Applied, sqlx::Error> {
        let unblocks = items.iter().any(|item| self.may_end(item));
        if !unblocks && !contention.is_on() {
            match contention.watch(self.apply_at_once(items, connection)).await {
                // The server rolled the statement back, which was the whole transaction.
                Err(error) if number_of(&error) == Some(number::LOCK_WAIT_TIMEOUT) => {}
                happened => return Ok(Applied { happened: happened?, locked: Vec::new() }),
            }
        }
        let ids: Vec<EventId> = items.iter().map(Item::id).collect();
        let rows = rows::lock(&ids, contention, connection).await?;
        let applied = self.apply_to(items, &rows, contention, connection).await?;
        if !applied.locked.is_empty() {
            contention.raise();
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

    /// Returns the items to which the update has been applied.
    async fn happened(
        &self,
        items: &[Item<'_>],
        connection: &mut MySqlConnection,
    ) -> Result<Vec<EventId>, sqlx::Error> {
        let select = format!("SELECT e.id FROM {} WHERE {}", join(items), self.happened);
        let rows = sqlx::query(AssertSqlSafe(select)).bind(json(items)?).fetch_all(connection).await?;
        rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?))).collect()
    }

    /// Returns the events that have left their keys by the update of these items.
    async fn leaving(
        &self,
        held: &[Item<'_>],
        rows: &Rows,
        connection: &mut MySqlConnection,
    ) -> Result<Leaving, sqlx::Error> {
        let key = |item: &Item<'_>| Some((item.id(), rows.get(&item.id())?.key?));
        let keys = held.iter().filter(|item| self.may_end(item)).filter_map(key);
        match self.ends {
            Ends::Dead => Leaving::of_dead(keys.collect(), connection).await,
            Ends::Never | Ends::Always => Ok(keys.map(|(_, number)| number).collect()),
        }
    }

    /// Applies the update to the locked rows, and commits.
    async fn apply_to(
        &self,
        items: &[Item<'_>],
        rows: &Rows,
        contention: &Contention,
        connection: &mut MySqlConnection,
    ) -> Result<Applied, sqlx::Error> {
        let is_held = |item: &&Item<'_>| rows.get(&item.id()).is_some_and(|row| row.is_claimed_with(item.1));
        let (held, rest): (Vec<Item<'_>>, Vec<_>) = items.iter().partition(is_held);
        let (over, missing): (Vec<Item<'_>>, Vec<_>) =
            rest.iter().partition(|item| rows.contains_key(&item.id()));
        let mut happened: Vec<EventId> = held.iter().map(Item::id).collect();
        if !held.is_empty() {
            let update = sqlx::query(AssertSqlSafe(self.update(&held)));
            update.bind(json(&held)?).execute(&mut *connection).await?;
        }
        if !over.is_empty() {
            happened.extend(self.happened(&over, connection).await?);
        }
        let leaving = self.leaving(&held, rows, connection).await?;
        let next = if contention.is_on() { LockedNext::Leave } else { LockedNext::Wait };
        let end = leave(&leaving, next, contention, connection).await?;
        // If it waits too long for a lock, the whole operation is repeated, and leaves locked events blocked.
        let locked = contention.watch(commit(end, &missing, connection)).await?;
        Ok(Applied { happened, locked })
    }
}

/// Executes the statements, commits, and returns those of the `missing` items that exist: their rows are locked.
async fn commit(
    mut batch: SqlBatch,
    missing: &[Item<'_>],
    connection: &mut MySqlConnection,
) -> Result<Vec<EventId>, sqlx::Error> {
    batch.sql(COMMIT);
    if !missing.is_empty() {
        let ids: Vec<EventId> = missing.iter().map(Item::id).collect();
        batch.sql("; SELECT id FROM Events FORCE INDEX (PRIMARY) WHERE id IN (").ids(&ids).sql(")");
    }
    let rows = batch.rows(connection).await?;
    rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?))).collect()
}

fn json(items: &[Item<'_>]) -> Result<String, sqlx::Error> {
    serde_json::to_string(items).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The result of a fenced update. It was not applied to unlisted items, whose claims have ended.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) happened: Vec<EventId>,
    /// Events whose rows another client has locked.
    pub(crate) locked: Vec<EventId>,
}

/// Returns the join of the list and its events. Engines give a temporary table's row its full width, so the text column is
/// declared as narrow as possible, in few steps.
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
        let items: Vec<_> = texts.iter().map(|text| Item(1, 1, text, 0, false)).collect();
        assert_eq!(batches(&items, 16 << 20).map(<[_]>::len).collect::<Vec<_>>(), [2, 1, 1, 2]);
        let many: Vec<_> = (0..1025).map(|id| Item(id, 1, "", 0, false)).collect();
        assert_eq!(batches(&many, 16 << 20).map(<[_]>::len).collect::<Vec<_>>(), [512, 512, 1]);
        assert_eq!(batches(&[], 16 << 20).count(), 0);
    }
}
