//! The keys of the events of one transaction.

use std::collections::BTreeSet;

use crate::event_key::{EventKey, KeyNumber};
use crate::keys::{Joined, Joining, numbers};
use crate::sql_batch::SqlBatch;

use super::types::Creation;

/// The keys of the events.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    joining: Joining,
    /// One entry per event, or none at all if no event has a key.
    events: Vec<Option<(&'a EventKey, Joined)>>,
}

impl<'a> Keys<'a> {
    /// Adds the event with this index, after those with lower ones.
    pub(super) fn add(&mut self, index: usize, key: Option<&'a EventKey>) {
        if let Some(key) = key {
            self.events.resize(index, None);
            self.events.push(Some((key, self.joining.add(KeyNumber::of(key.as_str())))));
        } else if !self.is_empty() {
            self.events.resize(index + 1, None);
        }
    }

    /// Returns whether no event has a key.
    pub(super) fn is_empty(&self) -> bool {
        self.joining.is_empty()
    }

    /// Returns the statements that add the events to their keys.
    pub(super) fn join(&self) -> Vec<SqlBatch> {
        if self.is_empty() { Vec::new() } else { self.joining.statements().into() }
    }

    fn of(&self, index: usize) -> Option<(&'a EventKey, Joined)> {
        self.events.get(index).copied().flatten()
    }

    /// Adds the position of the event with this index. `due` adds that of an event without a key.
    pub(super) fn due(&self, batch: &mut SqlBatch, index: usize, due: impl FnOnce(&mut SqlBatch)) {
        let Some((_, joined)) = self.of(index) else { return due(batch) };
        batch.sql("IF(").is_free(joined).sql(",");
        due(batch);
        batch.sql(",").blocked_place(joined, &self.joining).sql(")");
    }

    /// Adds the columns `event_key`, `key_number` and `blocked` of the event with this index, each after a comma.
    pub(super) fn values(&self, batch: &mut SqlBatch, index: usize) {
        match self.of(index) {
            Some((key, joined)) => {
                batch.sql(",").text(key.as_str()).sql(",").number(joined.number().get());
                batch.sql(",NOT(").is_free(joined).sql(")")
            }
            None => batch.sql(",NULL,NULL,0"),
        };
    }
}

/// Adds a statement that locks the keys of events that exist, in the order of their numbers.
pub(super) fn lock_keys(batch: &mut SqlBatch, creations: &[Creation]) {
    let keys = creations.iter().flat_map(Creation::events).filter_map(|event| event.key.as_ref());
    let keys: BTreeSet<_> = keys.map(|key| KeyNumber::of(key.as_str())).collect();
    if !keys.is_empty() {
        batch.sql("SELECT number FROM EventKeys FORCE INDEX (PRIMARY) WHERE number IN (");
        numbers(batch, &keys).sql(") ORDER BY number FOR UPDATE; ");
    }
}
