//! The plan for a list of creations: the events to insert, and each creation's result.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use crate::event::EventId;
use crate::trace_parent::TraceParent;

use super::fingerprint::fingerprint;
use super::keys::Keys;
use super::lanes::Types;
use super::types::{Created, Creation, Ids, NewEvent};

/// A key that an earlier transaction stored.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) name: String,
    pub(super) fingerprint: Vec<u8>,
    pub(super) ids: Ids,
}

impl Remembered {
    pub(super) fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let name: Vec<u8> = row.try_get("name")?;
        let many: i32 = row.try_get("events")?;
        Ok(Self {
            name: String::from_utf8_lossy(&name).into_owned(),
            fingerprint: row.try_get("fingerprint")?,
            ids: Ids::new(
                EventId::from_row(row.try_get("first_id")?),
                usize::try_from(many).unwrap_or_default(),
            ),
        })
    }
}

/// A key to store.
#[derive(Debug)]
pub(super) struct NewKey<'a> {
    pub(super) name: &'a str,
    pub(super) fingerprint: [u8; 32],
    pub(super) events: Slot,
}

/// A creation's range among the inserted events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) offset: usize,
    pub(super) many: usize,
}

/// The planned result of a creation.
#[derive(Debug)]
enum Outcome {
    Insert(Slot),
    /// The list contains the same creation earlier.
    Repeat(Slot),
    Known(Created),
}

/// The events and keys to insert for a list of creations.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// Events to insert, with consecutive ids.
    pub(super) events: Vec<&'a NewEvent>,
    /// One entry per event, or none at all if no event has a trace.
    pub(super) traces: Vec<Option<TraceParent>>,
    /// The types of the events.
    pub(super) types: Types<'a>,
    /// The keys of the events.
    pub(super) event_keys: Keys<'a>,
    pub(super) keys: Vec<NewKey<'a>>,
    outcomes: Vec<Outcome>,
}

/// Limits of creations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The largest payload that can be stored, in bytes.
    pub(super) largest_payload: usize,
    /// Events may have keys.
    pub(super) has_keys: bool,
}

impl<'a> Plan<'a> {
    /// Plans the creations.
    pub(super) fn new(creations: &'a [Creation], remembered: Vec<Remembered>, limits: Limits) -> Self {
        let remembered: HashMap<String, Remembered> =
            remembered.into_iter().map(|key| (key.name.clone(), key)).collect();
        let mut plan = Self::default();
        for creation in creations {
            let outcome = plan.decide(creation, &remembered, limits);
            plan.outcomes.push(outcome);
        }
        plan
    }

    fn decide(
        &mut self,
        creation: &'a Creation,
        remembered: &HashMap<String, Remembered>,
        limits: Limits,
    ) -> Outcome {
        let largest = limits.largest_payload;
        let is_large = |event: &NewEvent| event.payload.as_ref().is_some_and(|text| text.len() > largest);
        if creation.events().iter().any(is_large) {
            return Outcome::Known(Created::TooLarge { limit: largest });
        }
        let refused = creation.has_keys() && !limits.has_keys;
        let Some(key) = creation.key() else {
            return if refused {
                Outcome::Known(Created::NoKeys)
            } else {
                Outcome::Insert(self.insert(creation))
            };
        };
        let (name, fingerprint) = (key.as_str(), fingerprint(creation.events()));
        if let Some(key) = remembered.get(name) {
            let same = key.fingerprint == fingerprint;
            return Outcome::Known(if same { Created::Replayed(key.ids) } else { Created::KeyReused });
        }
        if let Some(key) = self.keys.iter().find(|key| key.name == name) {
            let same = key.fingerprint == fingerprint;
            return if same { Outcome::Repeat(key.events) } else { Outcome::Known(Created::KeyReused) };
        }
        if refused {
            return Outcome::Known(Created::NoKeys);
        }
        let events = self.insert(creation);
        self.keys.push(NewKey { name, fingerprint, events });
        Outcome::Insert(events)
    }

    fn insert(&mut self, creation: &'a Creation) -> Slot {
        let slot = Slot { offset: self.events.len(), many: creation.events().len() };
        if creation.trace().is_some() || !self.traces.is_empty() {
            self.traces.resize(self.events.len(), None);
            self.traces.extend(creation.events().iter().map(|_| creation.trace()));
        }
        for (index, event) in (self.events.len()..).zip(creation.events()) {
            self.event_keys.add(index, event.key.as_ref());
        }
        self.events.extend(creation.events());
        for event_type in creation.events().iter().filter_map(|event| event.event_type.as_ref()) {
            self.types.add(event_type);
        }
        slot
    }

    /// Returns the results, given the id of the first inserted event.
    pub(super) fn results(&self, first: EventId) -> Vec<Created> {
        let ids = |Slot { offset, many }| {
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            Ids::new(EventId::from_row(first.get().saturating_add(offset)), many)
        };
        let result = |outcome: &Outcome| match *outcome {
            Outcome::Insert(slot) => Created::New(ids(slot)),
            Outcome::Repeat(slot) => Created::Replayed(ids(slot)),
            Outcome::Known(created) => created,
        };
        self.outcomes.iter().map(result).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::key::IdempotencyKey;

    use super::*;

    #[test]
    fn either_every_event_has_a_trace_entry_or_none_has() {
        let trace = TraceParent::new("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert!(trace.is_some());
        let [plain, traced] = [None, trace].map(|trace| creation("1", 2, None).with_trace(trace));
        assert!(Plan::new(&[plain.clone(), plain.clone()], Vec::new(), limits(100)).traces.is_empty());
        let creations = [plain.clone(), traced, plain];
        assert_eq!(
            Plan::new(&creations, Vec::new(), limits(100)).traces,
            [None, None, trace, trace, None, None]
        );
    }

    fn limits(largest_payload: usize) -> Limits {
        Limits { largest_payload, has_keys: false }
    }

    fn creation(payload: &str, many: usize, key: Option<&str>) -> Creation {
        let event = NewEvent { payload: Some(payload.to_owned()), ..NewEvent::default() };
        let key = key.map(|key| IdempotencyKey::new(key).unwrap());
        Creation::many(vec![event; many]).unwrap().with_key(key)
    }

    fn ids(first: i64, many: usize) -> Ids {
        Ids::new(EventId::from_row(first), many)
    }

    #[test]
    fn a_payload_that_is_too_large_does_not_affect_other_creations() {
        let [fits, large] = ["1", "22"].map(|payload| creation(payload, 1, None));
        let creations = [fits.clone(), large.with_key(IdempotencyKey::new("a").ok()), fits];
        let plan = Plan::new(&creations, Vec::new(), limits(1));
        assert_eq!((plan.events.len(), plan.keys.len()), (2, 0));
        assert_eq!(
            plan.results(EventId::from_row(5)),
            [Created::New(ids(5, 1)), Created::TooLarge { limit: 1 }, Created::New(ids(6, 1))]
        );
    }

    #[test]
    fn each_key_inserts_once_and_the_rest_get_its_ids() {
        let creations = [
            creation("1", 2, None),
            creation("1", 3, Some("a")),
            creation("2", 3, Some("a")),
            creation("1", 3, Some("a")),
            creation("1", 1, Some("b")),
            creation("2", 1, Some("b")),
            creation("2", 1, Some("c")),
        ];
        let remembered = Remembered {
            name: "b".to_owned(),
            fingerprint: fingerprint(creations[4].events()).into(),
            ids: ids(7, 1),
        };
        let plan = Plan::new(&creations, vec![remembered], limits(100));
        assert_eq!((plan.events.len(), plan.keys.len()), (6, 2));
        assert_eq!(
            plan.results(EventId::from_row(100)),
            [
                Created::New(ids(100, 2)),
                Created::New(ids(102, 3)),
                Created::KeyReused,
                Created::Replayed(ids(102, 3)),
                Created::Replayed(ids(7, 1)),
                Created::KeyReused,
                Created::New(ids(105, 1)),
            ]
        );
    }
}
