//! The history of a run: the observations of its clients, and the final contents of the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A creation that was answered. Ids and marks are in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The ids in the response.
    pub ids: Vec<i64>,
    /// The mark in each event's payload.
    pub marks: Vec<String>,
    /// The idempotency key of the request.
    pub key: Option<String>,
}

/// The state of an event at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The event's id.
    pub id: i64,
    /// Its fence token.
    pub token: i64,
    /// Its value; empty while it has none.
    pub valor: String,
}

/// A row of `Events` at the end of the run, or when it was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The event's id.
    pub id: i64,
    /// 0 pending, 1 claimed, 2 done, 3 dead, 4 cancelled.
    pub state: i8,
    /// Its value.
    pub valor: String,
    /// The mark in its payload, if it has one.
    pub mark: Option<String>,
    /// The number of its attempts.
    pub attempts: i32,
    /// Its fence token.
    pub token: i64,
    /// The latest moment at which it may have been created.
    pub created: Moment,
    /// The earliest moment at which it may have been removed, if it was.
    pub removed: Option<Moment>,
}

impl Row {
    /// Returns true if the event is done, dead or cancelled.
    pub fn has_ended(&self) -> bool {
        (2..=4).contains(&self.state)
    }
}

/// Microseconds since 1970 by this machine's clock.
pub type Moment = i64;

/// Returns the present moment.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A response to `GET /{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The id in the request, which had been acknowledged before.
    pub id: i64,
    /// The moment of the request.
    pub asked: Moment,
    /// The moment of the response.
    pub answered: Moment,
    /// The value; `None` if the response said that the event does not exist.
    pub valor: Option<String>,
}

/// A phase without faults, which begins after the effects of earlier faults have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietPhase {
    /// Its begin.
    pub from: Moment,
    /// Its end: the next fault follows.
    pub to: Moment,
    /// Seconds from the end of the load until every event had ended; `None` if that exceeded the limit.
    pub idle_after_seconds: Option<u64>,
}

/// A response to `GET /v1/stats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsSample {
    /// Events ever created.
    pub created: i64,
    /// The sum of the events in each state.
    pub in_states: i64,
    /// Finished events that were removed.
    pub removed: i64,
}

/// All observations of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Creations that were answered.
    pub acknowledged: Vec<Acknowledged>,
    /// Responses to create-sync: the event's mark and its value.
    pub answers: Vec<(String, String)>,
    /// Responses to `GET /{id}`.
    pub reads: Vec<Read>,
    /// Events that a create-sync reported as removed, and the moment of the response.
    pub told_removed: Vec<(i64, Moment)>,
    /// Samples of the tables, in the order of time.
    pub samples: Vec<Sample>,
    /// The moments at which the HTTP handler returned a value for an event.
    pub handled: BTreeMap<i64, Vec<Moment>>,
    /// One entry per probe: true if its event was done while a foreign transaction locked other events.
    pub probes: Vec<bool>,
    /// Phases without faults, in their order.
    pub quiet_phases: Vec<QuietPhase>,
    /// Number of requests with an unknown outcome.
    pub unknown: u64,
    /// Number of requests that were refused.
    pub refused: u64,
    /// Number of responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Responses that the API's documentation does not list.
    pub undocumented: Vec<String>,
    /// Marks of events whose create-sync is waiting.
    pub waiting: BTreeSet<String>,
    /// Number of waiting requests that were answered, and of those that were cut off.
    pub waits: [u64; 2],
    /// Queue statistics, in the order of time.
    pub stats: Vec<StatsSample>,
}

/// The tables, and the API's view of them, after every event has ended.
#[derive(Debug, Clone, Default)]
pub struct FinalState {
    /// Every stored event.
    pub rows: Vec<Row>,
    /// Every removed event, as it was when it was removed.
    pub removed: Vec<Row>,
    /// Ids of `DBStatus` that have an event.
    pub counter: i64,
    /// `Ledger.removed`
    pub removed_count: i64,
    /// `events` of `GET /`
    pub events: i64,
}

/// A history that several tasks write.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<History>);

impl Recorder {
    /// Locks the history. Hold the guard only briefly.
    pub fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
