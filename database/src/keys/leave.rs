//! Removes events from their keys, and unblocks the next ones.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::{numbers, size};
use crate::contention::Contention;
use crate::event::EventId;
use crate::event_key::KeyNumber;
use crate::lanes::lane_of_type;
use crate::sql_batch::{HOLD, SqlBatch};

/// The events that leave their keys in a transaction.
#[derive(Debug, Default)]
pub(crate) struct Leaving(BTreeMap<KeyNumber, Left>);

#[derive(Debug, Default, Clone, Copy)]
struct Left {
    /// Number of events that were not blocked.
    running: usize,
    /// Number of blocked events.
    blocked: usize,
    /// The key has blocked events, though fewer than the concurrency are not blocked.
    has_room: bool,
}

impl Left {
    /// Returns how many blocked events may follow, if the concurrency is `concurrency`. It may have grown.
    fn requested(self, concurrency: usize) -> usize {
        self.running + usize::from(self.has_room || concurrency > 1)
    }
}

/// The treatment of blocked events that another client has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockedNext {
    /// The statement that unblocks them waits for the lock.
    Wait,
    /// They stay blocked, and so do the later events of their keys. [`Session::repair_keys`] unblocks them later.
    ///
    /// [`Session::repair_keys`]: crate::Session::repair_keys
    Leave,
}

impl Leaving {
    /// Adds an event that was not blocked.
    pub(crate) fn add_running(&mut self, number: KeyNumber) {
        self.add_many_running(number, 1);
    }

    /// Adds several events of a key that were not blocked.
    pub(crate) fn add_many_running(&mut self, number: KeyNumber, many: usize) {
        self.0.entry(number).or_default().running += many;
    }

    /// Adds an event that was blocked.
    pub(crate) fn add_blocked(&mut self, number: KeyNumber) {
        self.0.entry(number).or_default().blocked += 1;
    }

    /// Adds a key that has blocked events, though fewer than the concurrency are not blocked.
    pub(crate) fn add_room(&mut self, number: KeyNumber) {
        self.0.entry(number).or_default().has_room = true;
    }

    /// Returns those of the dead events, with the numbers of their keys, that have left them.
    pub(crate) async fn of_dead(
        mut keys: HashMap<EventId, KeyNumber>,
        connection: &mut MySqlConnection,
    ) -> Result<Self, sqlx::Error> {
        if !keys.is_empty() {
            let mut select = SqlBatch::new("SELECT id FROM Events WHERE key_number IS NOT NULL AND id IN (");
            select.ids(keys.keys()).sql(")");
            for row in select.rows(connection).await? {
                keys.remove(&EventId::from_row(row.try_get("id")?));
            }
        }
        Ok(keys.into_values().collect())
    }

    /// Returns whether no event leaves a key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn most_requested(&self) -> usize {
        self.0.values().map(|left| left.requested(1)).max().unwrap_or_default()
    }
}

impl FromIterator<KeyNumber> for Leaving {
    /// Collects the keys of events that were not blocked.
    fn from_iter<T: IntoIterator<Item = KeyNumber>>(numbers: T) -> Self {
        let mut leaving = Self::default();
        numbers.into_iter().for_each(|number| leaving.add_running(number));
        leaving
    }
}

/// Locks the keys, and returns the statements that remove the events from them and unblock the next ones. The caller executes these
/// in the same transaction, and sets the `key_number` of the events that leave to NULL.
pub(crate) async fn leave(
    leaving: &Leaving,
    locked: LockedNext,
    contention: &Contention,
    connection: &mut MySqlConnection,
) -> Result<SqlBatch, sqlx::Error> {
    if leaving.is_empty() {
        return Ok(SqlBatch::default());
    }
    let rows = read(leaving).rows(connection).await?;
    let mut found = Found::from_rows(&rows)?;
    if locked == LockedNext::Leave {
        found.lock_next(contention, connection).await?;
    }
    let mut unblocked = Vec::new();
    let mut keys = BTreeMap::new();
    for (number, left) in &leaving.0 {
        let (key, next) = found.after(*number, *left);
        unblocked.extend(next);
        keys.insert(*number, key);
    }
    Ok(write(&unblocked, &keys))
}

/// Selects the keys with a lock, and the next blocked events of each: as many as leave, and one more if the concurrency may have
/// grown.
fn read(leaving: &Leaving) -> SqlBatch {
    let mut batch = SqlBatch::new(
        "SELECT number, events, running FROM EventKeys FORCE INDEX (PRIMARY) WHERE number IN (",
    );
    numbers(&mut batch, leaving.0.keys());
    batch.sql(") ORDER BY number FOR UPDATE; ");
    batch.sql("SELECT COALESCE((SELECT concurrency FROM KeySettings), 1) INTO @concurrency; ");
    batch.sql("SELECT CAST(@concurrency AS SIGNED) AS concurrency; ");
    for index in 0..=leaving.most_requested() {
        let requested = leaving.0.iter().filter(|(_, left)| left.requested(1) > index);
        next(&mut batch, index, requested, "; ");
        let additional = leaving.0.iter().filter(|(_, left)| left.requested(1) == index);
        next(&mut batch, index, additional, " WHERE @concurrency > 1; ");
    }
    batch.sql(HOLD);
    batch
}

/// Adds the read of the blocked events with this index, if there are keys, and its end.
fn next<'a>(
    batch: &mut SqlBatch,
    index: usize,
    keys: impl Iterator<Item = (&'a KeyNumber, &'a Left)>,
    end: &'static str,
) {
    let mut keys = keys.map(|(number, _)| number).peekable();
    if keys.peek().is_some() {
        select_next(batch, index, keys);
        batch.sql(end);
    }
}

/// Adds a statement that selects the blocked event with this index of each key, in the order of the events. MySQL (9.7.4) sorts all
/// blocked events of a key unless the order begins with the state.
pub(crate) fn select_next<'a>(
    batch: &mut SqlBatch,
    index: usize,
    keys: impl IntoIterator<Item = &'a KeyNumber>,
) {
    batch.sql("SELECT k.key_number, (SELECT id FROM Events FORCE INDEX (state_due) WHERE state = -k.key_number ORDER BY state, due, id LIMIT ");
    batch.count(index).sql(", 1) AS next FROM JSON_TABLE('[");
    numbers(batch, keys);
    batch.sql("]', '$[*]' COLUMNS (key_number BIGINT PATH '$')) AS k");
}

/// The number of a key's events.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Key {
    events: usize,
    /// The number of events that are not blocked.
    running: usize,
}

/// The keys and their next events.
#[derive(Debug, Default)]
struct Found {
    concurrency: usize,
    keys: BTreeMap<KeyNumber, Key>,
    /// The first blocked events of each key that may be unblocked.
    next: BTreeMap<KeyNumber, Vec<EventId>>,
    /// Keys with further blocked events, of which another client has locked the first one.
    locked: BTreeSet<KeyNumber>,
}

impl Found {
    fn from_rows(rows: &[MySqlRow]) -> Result<Self, sqlx::Error> {
        let mut found = Self::default();
        for row in rows {
            if let Ok(number) = row.try_get::<i64, _>("number") {
                let key =
                    Key { events: size(row.try_get("events")?), running: size(row.try_get("running")?) };
                found.keys.insert(KeyNumber::from_row(number), key);
            } else if let Ok(concurrency) = row.try_get::<i64, _>("concurrency") {
                found.concurrency = size(concurrency);
            } else if let Some(id) = row.try_get::<Option<i64>, _>("next")? {
                let number = KeyNumber::from_row(row.try_get("key_number")?);
                found.next.entry(number).or_default().push(EventId::from_row(id));
            }
        }
        Ok(found)
    }

    /// Locks the next events, without those that another client has locked and the later ones of their keys.
    async fn lock_next(
        &mut self,
        contention: &Contention,
        connection: &mut MySqlConnection,
    ) -> Result<(), sqlx::Error> {
        let next: Vec<EventId> = self.next.values().flatten().copied().collect();
        if next.is_empty() {
            return Ok(());
        }
        let mut lock = SqlBatch::new("SELECT id FROM Events FORCE INDEX (PRIMARY) WHERE id IN (");
        lock.ids(&next).sql(") FOR UPDATE SKIP LOCKED");
        let rows = lock.rows(connection).await?;
        let free: HashSet<EventId> = rows
            .iter()
            .map(|row| Ok(EventId::from_row(row.try_get("id")?)))
            .collect::<Result<_, sqlx::Error>>()?;
        for (number, events) in &mut self.next {
            let first_free = events.iter().take_while(|id| free.contains(id)).count();
            if first_free < events.len() {
                contention.raise();
                events.truncate(first_free);
                self.locked.insert(*number);
            }
        }
        Ok(())
    }

    /// Returns the key without the events that left, and the events to unblock.
    ///
    /// The index knows which events are blocked. Where it disagrees with the key's row, because another program has changed one of
    /// them, the index decides.
    fn after(&self, number: KeyNumber, left: Left) -> (Key, Vec<EventId>) {
        let known = self.keys.get(&number).copied().unwrap_or_default();
        let next = self.next.get(&number).map(Vec::as_slice).unwrap_or_default();
        let running = known.running.saturating_sub(left.running);
        let unblocked = next.len().min(self.concurrency.saturating_sub(running));
        let running = running + unblocked;
        let blocked = next.len() - unblocked;
        let is_complete = !self.locked.contains(&number) && next.len() < left.requested(self.concurrency);
        let events = if is_complete {
            running + blocked
        } else {
            let least = running + blocked + usize::from(self.locked.contains(&number));
            known.events.saturating_sub(left.running + left.blocked).max(least)
        };
        (Key { events, running }, next.iter().take(unblocked).copied().collect())
    }
}

/// Returns the statements that unblock events and store the numbers of the keys' events.
fn write(unblocked: &[EventId], keys: &BTreeMap<KeyNumber, Key>) -> SqlBatch {
    let mut batch = SqlBatch::default();
    if !unblocked.is_empty() {
        batch.sql(
            "UPDATE Events FORCE INDEX (PRIMARY) SET blocked = 0, freed_at = UTC_TIMESTAMP(6), due = GREATEST(COALESCE(not_before, '1000-01-01'), \
             UTC_TIMESTAMP(6) - INTERVAL priority MINUTE), lane = ",
        );
        batch.sql(lane_of_type!()).sql(" WHERE id IN (").ids(unblocked).sql(") AND state < -100; ");
    }
    let (over, rest): (Vec<_>, Vec<_>) = keys.iter().partition(|(_, key)| key.events == 0);
    if !rest.is_empty() {
        batch.sql("INSERT INTO EventKeys (number, events, running) VALUES ");
        batch.list(rest, |batch, (number, key)| {
            batch
                .sql("(")
                .number(number.get())
                .sql(",")
                .count(key.events)
                .sql(",")
                .count(key.running)
                .sql(")");
        });
        batch.sql(" ON DUPLICATE KEY UPDATE events = VALUES(events), running = VALUES(running), changed_at = UTC_TIMESTAMP(6); ");
    }
    if !over.is_empty() {
        batch.sql("DELETE FROM EventKeys WHERE number IN (");
        numbers(&mut batch, over.into_iter().map(|(number, _)| number));
        batch.sql("); ");
    }
    batch
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::Engine;
    use sqlx::Executor as _;

    use super::*;
    use crate::test_database::migrated;
    use crate::{Created, Creation, EventKey, KeyRules, NewEvent};

    /// The server ends the frozen session, and with it the lock.
    #[tokio::test]
    async fn a_consumer_that_freezes_with_a_key_locked_delays_creations_by_seconds_only() {
        for engine in Engine::all() {
            let database = migrated(engine, "frozen_key").await;
            let rules = KeyRules::from_json(r#"{"concurrency": 1, "onDead": "Skip"}"#).unwrap();
            database.apply_key_rules(Some(rules)).await.unwrap();
            let mut session = database.session();
            let event = || NewEvent { key: EventKey::new("a").ok(), ..NewEvent::default() };
            session.create(&[Creation::one(event())]).await.unwrap();
            let mut frozen = database.connect().await.unwrap();
            frozen.execute("START TRANSACTION").await.unwrap();
            let leaving = [KeyNumber::of("a")].into_iter().collect();
            leave(&leaving, LockedNext::Leave, &Contention::default(), &mut frozen).await.unwrap();
            let created = session.create(&[Creation::one(event())]).await.unwrap();
            assert!(matches!(created[0], Created::New(_)), "{engine:?}: {created:?}");
        }
    }

    const KEY: KeyNumber = KeyNumber::from_row(1 << 32);

    /// Returns the events and the running events of the key afterwards, and the number of unblocked ones.
    fn after(
        concurrency: usize,
        key: Option<(usize, usize)>,
        next: usize,
        left: Left,
    ) -> (usize, usize, usize) {
        let keys = key.map(|(events, running)| (KEY, Key { events, running })).into_iter().collect();
        let next = (1..).take(next).map(EventId::from_row).collect();
        let found = Found { concurrency, keys, next: [(KEY, next)].into(), locked: BTreeSet::new() };
        let (key, unblocked) = found.after(KEY, left);
        (key.events, key.running, unblocked.len())
    }

    const ONE: Left = Left { running: 1, blocked: 0, has_room: false };

    #[test]
    fn the_next_event_takes_the_place_of_the_one_that_left() {
        assert_eq!(after(1, Some((1, 1)), 0, ONE), (0, 0, 0));
        assert_eq!(after(1, Some((5, 1)), 1, ONE), (4, 1, 1));
        assert_eq!(after(1, Some((5, 1)), 0, Left { running: 0, blocked: 1, has_room: false }), (4, 1, 0));
        assert_eq!(after(3, Some((9, 3)), 3, Left { running: 2, blocked: 0, has_room: false }), (7, 3, 2));
    }

    #[test]
    fn a_changed_concurrency_takes_effect_with_the_next_events_that_leave() {
        assert_eq!(after(3, Some((9, 1)), 2, ONE), (8, 2, 2));
        assert_eq!(after(1, Some((9, 3)), 1, ONE), (8, 2, 0));
    }

    #[test]
    fn the_index_corrects_the_row_of_a_key() {
        assert_eq!(after(1, None, 1, ONE), (1, 1, 1));
        assert_eq!(after(1, Some((9, 1)), 0, ONE), (0, 0, 0));
        assert_eq!(after(1, Some((1, 1)), 1, ONE), (1, 1, 1));
    }
}
