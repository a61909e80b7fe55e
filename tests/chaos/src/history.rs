//! What clients saw, and what was left in the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Ids that a creation was answered with, and the marks in the payloads of its events, in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The answered ids.
    pub ids: Vec<i64>,
    /// What each event's payload holds.
    pub marks: Vec<String>,
    /// The idempotency key it was created with.
    pub key: Option<String>,
}

/// What an event looked like at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Which event.
    pub id: i64,
    /// Its fence token.
    pub token: i64,
    /// Its answer; empty while it has none.
    pub valor: String,
}

/// A row of `Events` at the end, or when it was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As of the columns of these names.
    pub id: i64,
    /// 0 pending, 1 claimed, 2 done, 3 dead, 4 cancelled.
    pub state: i8,
    /// Its answer.
    pub valor: String,
    /// The mark in its payload, if it has one.
    pub mark: Option<String>,
    /// How often it was claimed.
    pub attempts: i32,
    /// Its fence token.
    pub token: i64,
    /// When it was created, in microseconds by the database's clock.
    pub created: i64,
    /// When it was removed, if it was.
    pub removed: Option<i64>,
}

impl Row {
    /// Whether it is done, dead or cancelled.
    pub fn has_ended(&self) -> bool {
        (2..=4).contains(&self.state)
    }
}

/// A moment, in microseconds since 1970 by the clock that this machine and its database share.
pub type Moment = i64;

/// The present moment.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// An answer of `GET /{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The event that was asked for; its id had been acknowledged.
    pub id: i64,
    /// When the request was sent.
    pub asked: Moment,
    /// When its answer was there.
    pub answered: Moment,
    /// The value; `None` where the answer was that there is no such event.
    pub valor: Option<String>,
}

/// A time without a fault, after a pause in which the effects of earlier ones ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calm {
    /// When it began.
    pub from: Moment,
    /// When the next fault was about to happen.
    pub to: Moment,
    /// Seconds from the moment when no client asked for more until every event had ended; `None` where that took too long.
    pub rest_seconds: Option<u64>,
}

/// `GET /v1/stats` at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// Events ever created.
    pub created: i64,
    /// The sum of those that are in some state.
    pub in_states: i64,
    /// Finished ones that were removed.
    pub removed: i64,
}

/// All that happened.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Creations that were answered.
    pub acknowledged: Vec<Acknowledged>,
    /// Answers of create-sync: the mark of the event, and the value.
    pub answers: Vec<(String, String)>,
    /// Answers of `GET /{id}`.
    pub reads: Vec<Read>,
    /// Events of which a create-sync was told that they were removed, and when.
    pub told_removed: Vec<(i64, Moment)>,
    /// Looks at the tables in between, in the order of time.
    pub samples: Vec<Sample>,
    /// When the HTTP handler gave a value for an event.
    pub handled: BTreeMap<i64, Vec<Moment>>,
    /// Whether an event was done while somebody else kept others locked, for each time that it was tried.
    pub probes: Vec<bool>,
    /// Times without faults, in their order.
    pub calms: Vec<Calm>,
    /// Requests of which nobody knows what became.
    pub unknown: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that the API's documentation knows nothing of.
    pub undocumented: Vec<String>,
    /// The marks of events whose create-sync waits now.
    pub waiting: BTreeSet<String>,
    /// How many of those were answered, and how many were cut off.
    pub waits: [u64; 2],
    /// The queue's figures, in the order of time.
    pub ledgers: Vec<Ledger>,
}

/// The tables, and what the API says of them, after everything has come to rest.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    /// Every event.
    pub rows: Vec<Row>,
    /// Those that were removed, as they were then.
    pub gone: Vec<Row>,
    /// `DBStatus.id`.
    pub counter: i64,
    /// `Ledger.removed`
    pub removed: i64,
    /// `GET /`
    pub events: i64,
}

/// A history that many tasks write.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<History>);

impl Recorder {
    /// To be held for a moment.
    pub fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
