//! What this consumer has claimed and not settled: the one list that the claimer, the dispatcher, the heartbeat and the
//! settler agree on.
//!
//! An event is known by its claim, `(id, token)`: one that was lost and claimed again is another entry.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, EventId};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::metrics::Metrics;
use crate::prefetch::Load;

/// A claimed event on its way through the consumer.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) claim: Claimed,
    /// When it came into the buffer.
    pub(crate) arrived: Instant,
}

type Key = (EventId, i64);

/// Which claim this is.
pub(crate) fn key(claim: &Claimed) -> Key {
    (claim.id, claim.token)
}

#[derive(Debug)]
struct Entry {
    attempt: i32,
    /// When its claim was sent, or sent to be extended.
    renewed: Instant,
    claimed: Instant,
    /// The size of its payload, which is held until it is handled.
    bytes: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Buffered,
    /// With the means to end it, where it is a task of its own.
    Handling(Option<AbortHandle>),
    /// Handled, waiting for the settler.
    Handled,
}

/// What a consumer holds: claimed, and not settled yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Work {
    pub(crate) events: usize,
    /// How long it has held the first of them.
    pub(crate) oldest_seconds: f64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    load: Load,
    /// How many events were handled since this was asked for.
    handled: usize,
    /// The longest that an event was buffered since this was asked for.
    longest_wait: Duration,
}

/// Claims that were not renewed for long.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    /// Not begun.
    pub(crate) buffered: Vec<Claimed>,
    /// Being handled, or handled and not settled yet.
    pub(crate) begun: Vec<Claimed>,
}

/// The list. Its methods take no longer than a look at it.
#[derive(Debug)]
pub(crate) struct Holdings {
    state: Mutex<State>,
    /// A place in the buffer or in the handling became free.
    changed: Notify,
    metrics: Metrics,
}

impl Holdings {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), metrics }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, load: Load) {
        self.metrics.holds(load);
    }

    /// Returns when the load has become less since it was waited for the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn load(&self) -> Load {
        self.state().load
    }

    /// What is held, for who is to decide which consumer goes.
    pub(crate) fn work(&self) -> Work {
        let state = self.state();
        let oldest = state.entries.values().map(|entry| entry.claimed).min();
        Work {
            events: state.entries.len(),
            oldest_seconds: oldest.map_or(0.0, |claimed| claimed.elapsed().as_secs_f64()),
        }
    }

    /// How many events were handled since the last call.
    pub(crate) fn take_handled(&self) -> usize {
        std::mem::take(&mut self.state().handled)
    }

    /// The longest that an event was buffered, of those that left the buffer since the last call.
    pub(crate) fn take_longest_wait(&self) -> Duration {
        std::mem::take(&mut self.state().longest_wait)
    }

    /// Events were claimed, by a claim sent at `since`.
    pub(crate) fn claimed(&self, claims: &[Claimed], since: Instant) {
        let mut state = self.state();
        for claim in claims {
            let bytes = claim.payload.as_ref().map_or(0, String::len);
            let entry = Entry {
                attempt: claim.attempt,
                renewed: since,
                claimed: since,
                bytes,
                stage: Stage::Buffered,
            };
            state.entries.insert(key(claim), entry);
            state.load.bytes += bytes;
        }
        state.load.buffered += claims.len();
        self.show(state.load);
    }

    /// An event leaves the buffer to be handled. Not when its claim was lost or given back in between.
    pub(crate) fn begin(&self, held: &Held) -> bool {
        let mut state = self.state();
        let begun = match state.entries.get_mut(&key(&held.claim)) {
            Some(entry) => {
                entry.stage = Stage::Handling(None);
                true
            }
            None => false,
        };
        if begun {
            state.load.buffered -= 1;
            state.load.handling += 1;
            state.longest_wait = state.longest_wait.max(held.arrived.elapsed());
            self.show(state.load);
            drop(state);
            // There is room in the buffer again, and perhaps a free place that waits for it.
            self.changed.notify_one();
        }
        begun
    }

    /// The handling of an event is a task, which ends when the claim is lost.
    pub(crate) fn runs_as(&self, key: Key, task: AbortHandle) {
        match self.state().entries.get_mut(&key) {
            Some(entry) if matches!(entry.stage, Stage::Handling(_)) => {
                entry.stage = Stage::Handling(Some(task));
            }
            // Handled in between.
            Some(_) => {}
            None => task.abort(),
        }
    }

    /// An event was handled. Not to be settled when its claim was lost in between.
    pub(crate) fn handled(&self, key: Key) -> bool {
        let mut state = self.state();
        let bytes = state.entries.get_mut(&key).map(|entry| {
            entry.stage = Stage::Handled;
            std::mem::take(&mut entry.bytes)
        });
        if let Some(bytes) = bytes {
            state.load.handling -= 1;
            state.load.bytes -= bytes;
            state.handled += 1;
            self.show(state.load);
            drop(state);
            self.changed.notify_one();
        }
        bytes.is_some()
    }

    /// Events were settled, or are no longer held.
    pub(crate) fn settled(&self, keys: impl IntoIterator<Item = Key>) {
        let mut state = self.state();
        for key in keys {
            state.remove(key);
        }
        self.show(state.load);
        drop(state);
        self.changed.notify_one();
    }

    /// Claims that were not renewed for `long`.
    pub(crate) fn overdue(&self, long: Duration) -> Overdue {
        let mut overdue = Overdue::default();
        for (key, entry) in &self.state().entries {
            if entry.renewed.elapsed() >= long {
                let list = match entry.stage {
                    Stage::Buffered => &mut overdue.buffered,
                    Stage::Handling(_) | Stage::Handled => &mut overdue.begun,
                };
                list.push(stub(*key, entry));
            }
        }
        overdue
    }

    /// What is being handled.
    pub(crate) fn handling(&self) -> Vec<Claimed> {
        let state = self.state();
        let handling = state.entries.iter().filter(|(_, entry)| matches!(entry.stage, Stage::Handling(_)));
        handling.map(|(key, entry)| stub(*key, entry)).collect()
    }

    /// The claims were extended, by a statement sent at `since`.
    pub(crate) fn renewed(&self, keys: impl IntoIterator<Item = Key>, since: Instant) {
        let mut state = self.state();
        for key in keys {
            if let Some(entry) = state.entries.get_mut(&key) {
                entry.renewed = since;
            }
        }
    }

    /// Claims are no longer this consumer's: what is not handled yet is dropped. Gives what was.
    pub(crate) fn lost(&self, keys: impl IntoIterator<Item = Key>) -> Vec<EventId> {
        let mut state = self.state();
        let mut dropped = Vec::new();
        for key in keys {
            // What is handled goes to the settler, which finds out by itself.
            let handled = state.entries.get(&key).is_none_or(|entry| matches!(entry.stage, Stage::Handled));
            if handled {
                continue;
            }
            if let Some(Stage::Handling(Some(task))) = state.remove(key) {
                task.abort();
            }
            dropped.push(key.0);
        }
        self.show(state.load);
        drop(state);
        self.changed.notify_one();
        dropped
    }
}

impl State {
    fn remove(&mut self, key: Key) -> Option<Stage> {
        let entry = self.entries.remove(&key)?;
        self.load.bytes -= entry.bytes;
        match entry.stage {
            Stage::Buffered => {
                self.load.buffered -= 1;
                self.longest_wait = self.longest_wait.max(entry.renewed.elapsed());
            }
            Stage::Handling(_) => self.load.handling -= 1,
            Stage::Handled => {}
        }
        Some(entry.stage)
    }
}

/// The claim without the payload, which no statement about it needs.
fn stub((id, token): Key, entry: &Entry) -> Claimed {
    Claimed {
        id,
        token,
        attempt: entry.attempt,
        payload: None,
        age: Duration::ZERO,
        trace: None,
        alone: false,
    }
}

#[cfg(test)]
mod tests;
