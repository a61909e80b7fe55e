//! Clients that wait for the end of an event, and the one task that looks for all of them.
//!
//! A wake-up says which events have ended, and they alone are looked for, at once. Wake-ups get lost, so that everything that
//! is waited for is looked for again and again, too; see `docs/adr/0008-waiting.md`.

mod looker;
mod places;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventpipeline_database::{EventId, Session, Snapshot, State};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use looker::Looker;
use places::Places;

/// How an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has its value.
    Done(String),
    /// It failed as often as it may.
    Dead,
    /// Somebody cancelled it.
    Cancelled,
    /// It was there and is no more.
    Removed,
}

impl Outcome {
    fn of(Snapshot { valor, state, .. }: Snapshot) -> Option<Self> {
        match state {
            State::Done => Some(Self::Done(valor)),
            State::Dead => Some(Self::Dead),
            State::Cancelled => Some(Self::Cancelled),
            State::Pending | State::Processing => None,
        }
    }
}

/// Who waits for which event.
#[derive(Debug, Clone)]
pub(crate) struct Waiters {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    places: Mutex<Places>,
    /// Somebody began to wait, or an event that is waited for is said to have ended.
    news: Notify,
    metrics: Metrics,
}

/// A place among the waiters. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct Waiter {
    id: EventId,
    outcome: oneshot::Receiver<Outcome>,
    shared: Arc<Shared>,
}

impl Waiters {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { shared: Arc::new(Shared { places: Mutex::default(), news: Notify::new(), metrics }) }
    }

    /// Begins to wait for an event. One that is not `new` may have ended long ago: it is looked for at once.
    pub(crate) fn wait_for(&self, id: EventId, new: bool) -> Waiter {
        let outcome = self.shared.change(|places| places.join(id, !new));
        self.shared.news.notify_one();
        Waiter { id, outcome, shared: Arc::clone(&self.shared) }
    }

    /// These events are said to have ended.
    pub(crate) fn ended(&self, ids: impl IntoIterator<Item = EventId>) {
        if self.shared.lock().ended(ids) {
            self.shared.news.notify_one();
        }
    }

    /// Answers waiters until `end`. While nobody waits, nothing is asked.
    pub(crate) async fn run(self, session: Session, end: CancellationToken) -> anyhow::Result<()> {
        Looker::new(self, session).run(end).await;
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who waits.
    fn change<T>(&self, change: impl FnOnce(&mut Places) -> T) -> T {
        let mut places = self.lock();
        let result = change(&mut places);
        self.metrics.waiting(places.clients());
        result
    }
}

impl Waiter {
    /// How the event ended, however long it takes. Only the end of the looking task ends it without an outcome.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.outcome.close();
        self.shared.change(|places| places.leave(self.id));
    }
}
