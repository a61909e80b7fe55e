//! The in-flight events, which this consumer has claimed and not settled: a list that the claim task, the
//! dispatcher, the heartbeat and the settlers share. An event that was lost and claimed again is another
//! entry.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, EventId, Isolation};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::claim_key::{ClaimKey, key};
use crate::metrics::EventMetrics;
use crate::prefetch::Load;

/// A claimed event on its way to a handler.
#[derive(Debug)]
pub(crate) struct BufferedEvent {
    pub(crate) claim: Claimed,
    /// Time when it arrived in the buffer.
    pub(crate) arrived: Instant,
}

#[derive(Debug)]
struct Entry {
    attempt: i32,
    /// Time when the statement that claimed it, or last extended its lease, was sent.
    renewed: Instant,
    /// Time when the statement that claimed it was sent.
    claimed: Instant,
    /// Size of its payload, which is in memory until it is handled.
    bytes: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waiting in the buffer.
    Buffered,
    /// Being handled, with a handle to cancel the attempt if it has its own task.
    Handling(Option<AbortHandle>),
    /// Handled and waiting for a settler.
    Handled,
}

/// A summary of the in-flight events, for `/work`. The operator uses it to pick the consumer to stop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InFlightSummary {
    pub(crate) events: usize,
    /// Age of the oldest claim.
    pub(crate) oldest_seconds: f64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<ClaimKey, Entry>,
    load: Load,
    /// Number of events handled since it was last taken.
    handled: usize,
    /// Longest time that an event was buffered since it was last taken.
    longest_wait: Duration,
}

/// Claims whose leases have not been extended for a long time.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    /// Events that wait for the handler.
    pub(crate) buffered: Vec<Claimed>,
    /// Events that are being handled, or handled and not settled.
    pub(crate) begun: Vec<Claimed>,
}

/// The list of in-flight events.
#[derive(Debug)]
pub(crate) struct InFlight {
    state: Mutex<State>,
    /// Notified when the load decreases.
    changed: Notify,
    metrics: EventMetrics,
}

impl InFlight {
    pub(crate) fn new(metrics: EventMetrics) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), metrics }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the load has decreased since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn load(&self) -> Load {
        self.state().load
    }

    /// Returns a summary of the list.
    pub(crate) fn summary(&self) -> InFlightSummary {
        let state = self.state();
        let oldest = state.entries.values().map(|entry| entry.claimed).min();
        InFlightSummary {
            events: state.entries.len(),
            oldest_seconds: oldest.map_or(0.0, |claimed| claimed.elapsed().as_secs_f64()),
        }
    }

    /// Returns the number of events handled since the last call.
    pub(crate) fn take_handled(&self) -> usize {
        std::mem::take(&mut self.state().handled)
    }

    /// Returns the longest time that an event was buffered, of those that left the buffer since the last
    /// call.
    pub(crate) fn take_longest_wait(&self) -> Duration {
        std::mem::take(&mut self.state().longest_wait)
    }

    /// Adds events that a statement sent at `since` has claimed.
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
        self.metrics.load(state.load);
    }

    /// Moves an event from the buffer to the handlers. Returns false if its claim was lost or released
    /// meanwhile.
    pub(crate) fn begin(&self, event: &BufferedEvent) -> bool {
        let mut state = self.state();
        let begun = match state.entries.get_mut(&key(&event.claim)) {
            Some(entry) => {
                entry.stage = Stage::Handling(None);
                true
            }
            None => false,
        };
        if begun {
            state.load.buffered -= 1;
            state.load.handling += 1;
            state.longest_wait = state.longest_wait.max(event.arrived.elapsed());
            self.metrics.load(state.load);
            drop(state);
            // The buffer has room again, and an idle handler may be waiting for events.
            self.changed.notify_one();
        }
        begun
    }

    /// Sets the task of an attempt, which is cancelled when the claim is lost.
    pub(crate) fn runs_as(&self, key: ClaimKey, task: AbortHandle) {
        match self.state().entries.get_mut(&key) {
            Some(entry) if matches!(entry.stage, Stage::Handling(_)) => {
                entry.stage = Stage::Handling(Some(task));
            }
            // The attempt has already finished.
            Some(_) => {}
            None => task.abort(),
        }
    }

    /// Marks an event as handled. Returns false if its claim was lost meanwhile, in which case it must not be
    /// settled.
    pub(crate) fn handled(&self, key: ClaimKey) -> bool {
        let mut state = self.state();
        let bytes = state.entries.get_mut(&key).map(|entry| {
            entry.stage = Stage::Handled;
            std::mem::take(&mut entry.bytes)
        });
        if let Some(bytes) = bytes {
            state.load.handling -= 1;
            state.load.bytes -= bytes;
            state.handled += 1;
            self.metrics.load(state.load);
            drop(state);
            self.changed.notify_one();
        }
        bytes.is_some()
    }

    /// Removes events that were settled or are no longer claimed.
    pub(crate) fn settled(&self, keys: impl IntoIterator<Item = ClaimKey>) {
        let mut state = self.state();
        for key in keys {
            state.remove(key);
        }
        self.metrics.load(state.load);
        drop(state);
        self.changed.notify_one();
    }

    /// Returns the claims whose leases were not extended for `long`.
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

    /// Returns the events that are being handled.
    pub(crate) fn handling(&self) -> Vec<Claimed> {
        let state = self.state();
        let handling = state.entries.iter().filter(|(_, entry)| matches!(entry.stage, Stage::Handling(_)));
        handling.map(|(key, entry)| stub(*key, entry)).collect()
    }

    /// Notes that a statement sent at `since` has extended the leases of these claims.
    pub(crate) fn renewed(&self, keys: impl IntoIterator<Item = ClaimKey>, since: Instant) {
        let mut state = self.state();
        for key in keys {
            if let Some(entry) = state.entries.get_mut(&key) {
                entry.renewed = since;
            }
        }
    }

    /// Removes claims that this consumer has lost, and cancels their attempts. Returns the events that were
    /// not yet handled.
    pub(crate) fn lost(&self, keys: impl IntoIterator<Item = ClaimKey>) -> Vec<EventId> {
        let mut state = self.state();
        let mut dropped = Vec::new();
        for key in keys {
            // Handled events are on their way to a settler, whose statement finds out by itself.
            let handled = state.entries.get(&key).is_none_or(|entry| matches!(entry.stage, Stage::Handled));
            if handled {
                continue;
            }
            if let Some(Stage::Handling(Some(task))) = state.remove(key) {
                task.abort();
            }
            dropped.push(key.0);
        }
        self.metrics.load(state.load);
        drop(state);
        self.changed.notify_one();
        dropped
    }
}

impl State {
    fn remove(&mut self, key: ClaimKey) -> Option<Stage> {
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

/// Returns the claim without the payload, which settling does not need.
fn stub((id, token): ClaimKey, entry: &Entry) -> Claimed {
    Claimed {
        id,
        token,
        attempt: entry.attempt,
        payload: None,
        age: Duration::ZERO,
        event_type: None,
        key: None,
        trace: None,
        isolation: Isolation::None,
    }
}

#[cfg(test)]
mod tests;
