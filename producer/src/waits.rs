//! Clients that wait for their events to finish, and the task that polls for all of them.
//!
//! A wake-up names finished events, which are then read at once. Because wake-ups may be lost, the task also polls for all
//! awaited events; see `docs/adr/0008-waiting.md`.
//!
//! The clients are counted here. Their number is limited only by that of the connections (`service/src/capacity.rs`).

mod metrics;
mod poller;
mod registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventpipeline_database::{EventId, Session, Snapshot, State};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use metrics::WaitMetrics;
use poller::WaitPoller;
use registry::WaitRegistry;

/// The end of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The event has this value.
    Done(String),
    /// The event has exhausted its attempts, or its handler returned a final status.
    Dead,
    /// The event was cancelled.
    Cancelled,
    /// The event was removed before its end was seen.
    Removed,
}

impl Outcome {
    fn of(Snapshot { valor, state, .. }: Snapshot) -> Option<Self> {
        match state {
            State::Done => Some(Self::Done(valor)),
            State::Dead => Some(Self::Dead),
            State::Cancelled => Some(Self::Cancelled),
            State::Pending | State::Blocked | State::Processing => None,
        }
    }
}

/// The waiting clients. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Mutex<WaitRegistry>,
    /// Notified when a client starts to wait, or an awaited event is reported as finished.
    changed: Notify,
    metrics: WaitMetrics,
}

/// The wait of one client. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct Wait {
    id: EventId,
    outcome: oneshot::Receiver<Outcome>,
    shared: Arc<Shared>,
}

impl Waits {
    pub(crate) fn new(metrics: WaitMetrics) -> Self {
        Self { shared: Arc::new(Shared { registry: Mutex::default(), changed: Notify::new(), metrics }) }
    }

    /// Starts to wait for an event. An event that is not `new` may be finished already and is read at once.
    pub(crate) fn wait_for(&self, id: EventId, new: bool) -> Wait {
        let outcome = self.shared.update(|registry| registry.join(id, !new));
        self.shared.changed.notify_one();
        Wait { id, outcome, shared: Arc::clone(&self.shared) }
    }

    /// Reads events that are reported as finished.
    pub(crate) fn finished(&self, ids: impl IntoIterator<Item = EventId>) {
        if self.shared.lock().finished(ids) {
            self.shared.changed.notify_one();
        }
    }

    /// Answers waiting clients until `end`. Reads nothing while no client waits.
    pub(crate) async fn run(self, session: Session, end: CancellationToken) -> anyhow::Result<()> {
        WaitPoller::new(self, session).run(end).await;
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, WaitRegistry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the registry, and updates the number of waiting clients.
    fn update<T>(&self, change: impl FnOnce(&mut WaitRegistry) -> T) -> T {
        let mut registry = self.lock();
        let result = change(&mut registry);
        self.metrics.set_clients(registry.clients());
        result
    }
}

impl Wait {
    /// Waits without a limit. Returns `None` only if the polling task has ended.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.outcome.close();
        self.shared.update(|registry| registry.leave(self.id));
    }
}
