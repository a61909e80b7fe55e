//! Creations and their results.

use jiff::Timestamp;

use crate::event::{EventId, Priority};
use crate::event_key::EventKey;
use crate::event_type::EventType;
use crate::key::IdempotencyKey;
use crate::trace_parent::TraceParent;

/// An event to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEvent {
    /// Type of the event.
    pub event_type: Option<EventType>,
    /// Key of the event.
    pub key: Option<EventKey>,
    /// JSON text, stored unchanged. The caller has checked that it is JSON.
    pub payload: Option<String>,
    /// Priority of the event.
    pub priority: Priority,
    /// Earliest time of a claim; `None` and past times mean immediately.
    pub not_before: Option<NotBefore>,
}

/// The earliest time at which an event may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBefore {
    /// A point in time.
    At(Timestamp),
    /// Seconds after the event's creation, by the database's clock. Unlike a time, this value is equal in each repetition of
    /// a request.
    Delay(u32),
}

impl From<Timestamp> for NotBefore {
    fn from(time: Timestamp) -> Self {
        Self::At(time)
    }
}

/// Events that are created together, all or none, with consecutive ids.
#[derive(Debug, Clone)]
pub struct Creation {
    events: Vec<NewEvent>,
    key: Option<IdempotencyKey>,
    trace: Option<TraceParent>,
}

impl Creation {
    /// Creates a single event.
    pub fn one(event: NewEvent) -> Self {
        Self { events: vec![event], key: None, trace: None }
    }

    /// Creates several events, in the order of their ids. Returns `None` if the list is empty.
    pub fn many(events: Vec<NewEvent>) -> Option<Self> {
        (!events.is_empty()).then_some(Self { events, key: None, trace: None })
    }

    /// Sets an idempotency key: creations with the same key create their events once.
    #[must_use]
    pub fn with_key(self, key: Option<IdempotencyKey>) -> Self {
        Self { key, ..self }
    }

    /// Sets the trace of the creation.
    #[must_use]
    pub fn with_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the events; at least one.
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// Returns whether an event has a key.
    pub(crate) fn has_keys(&self) -> bool {
        self.events.iter().any(|event| event.key.is_some())
    }

    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        self.key.as_ref()
    }

    pub(crate) fn trace(&self) -> Option<TraceParent> {
        self.trace
    }
}

/// Consecutive ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    first: EventId,
    many: usize,
}

impl Ids {
    /// Creates a range of `many` ids; at least one.
    pub(crate) fn new(first: EventId, many: usize) -> Self {
        Self { first, many }
    }

    /// Returns the lowest id.
    pub fn first(self) -> EventId {
        self.first
    }

    /// Returns the highest id.
    pub(crate) fn last(self) -> EventId {
        let others = i64::try_from(self.many.saturating_sub(1)).unwrap_or(i64::MAX);
        EventId::from_row(self.first.get().saturating_add(others))
    }

    /// Returns the number of ids.
    #[expect(clippy::len_without_is_empty, reason = "a range has at least one id")]
    pub fn len(self) -> usize {
        self.many
    }

    /// Returns all ids in ascending order.
    pub fn iter(self) -> impl Iterator<Item = EventId> {
        (self.first.get()..).map(EventId::from_row).take(self.many)
    }
}

/// The result of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The events are stored.
    New(Ids),
    /// An earlier creation with the same key stored the events. At least one of them still exists.
    Replayed(Ids),
    /// An earlier creation with the same key had other events. Nothing is stored.
    KeyReused,
    /// An event has a key, and the database has no rules for keys. Nothing is stored.
    NoKeys,
    /// A payload exceeds the server's packet size (`max_allowed_packet`). Nothing is stored.
    TooLarge {
        /// Maximum size of a payload, in bytes.
        limit: usize,
    },
}

impl Created {
    /// Returns the number of events that this creation has stored.
    pub fn new_events(&self) -> usize {
        match self {
            Self::New(ids) => ids.len(),
            Self::Replayed(_) | Self::KeyReused | Self::NoKeys | Self::TooLarge { .. } => 0,
        }
    }
}
