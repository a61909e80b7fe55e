//! Clients that wait for an answer, and the one task that looks for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventpipeline_database::{EventId, Session};
use eventpipeline_service::chain;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::Metrics;

/// How soon the database is asked after somebody began to wait or was answered.
const SOONEST: Duration = Duration::from_millis(10);
/// How long between two questions at the most.
const LATEST: Duration = Duration::from_millis(100);

/// Who waits for which event.
#[derive(Debug, Clone)]
pub(crate) struct Waiters {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<HashMap<EventId, oneshot::Sender<String>>>,
    somebody: Notify,
    metrics: Metrics,
}

/// A place among the waiters. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct Waiter {
    id: EventId,
    answer: oneshot::Receiver<String>,
    shared: Arc<Shared>,
}

impl Waiters {
    pub(crate) fn new(metrics: Metrics) -> Self {
        let shared = Shared { waiting: Mutex::default(), somebody: Notify::new(), metrics };
        Self { shared: Arc::new(shared) }
    }

    /// Begins to wait for an event, of which each has one waiter: the request that created it.
    pub(crate) fn wait_for(&self, id: EventId) -> Waiter {
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.shared.lock();
        waiting.insert(id, sender);
        self.shared.metrics.waiting(waiting.len());
        drop(waiting);
        self.shared.somebody.notify_one();
        Waiter { id, answer, shared: Arc::clone(&self.shared) }
    }

    /// Answers waiters until `end`. While nobody waits, nothing is asked.
    pub(crate) async fn run(self, mut session: Session, end: CancellationToken) -> anyhow::Result<()> {
        let mut pause = SOONEST;
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = self.shared.somebody.notified() => pause = SOONEST,
                () = tokio::time::sleep(pause), if !self.shared.lock().is_empty() => {
                    pause = if self.look(&mut session).await { SOONEST } else { (pause * 2).min(LATEST) };
                }
            }
        }
        session.close().await;
        Ok(())
    }

    /// Asks for all events that are waited for, and says whether any had its answer.
    async fn look(&self, session: &mut Session) -> bool {
        let ids: Vec<EventId> = self.shared.lock().keys().copied().collect();
        match session.read_done(&ids).await {
            Ok(done) => {
                let mut waiting = self.shared.lock();
                for snapshot in &done {
                    if let Some(sender) = waiting.remove(&snapshot.id) {
                        let _ = sender.send(snapshot.valor.clone());
                    }
                }
                self.shared.metrics.waiting(waiting.len());
                !done.is_empty()
            }
            Err(failure) => {
                let waiters = ids.len();
                let failure = chain(&failure);
                warn!(
                    waiters,
                    error = failure,
                    "failed to look for answers; {waiters} clients go on waiting"
                );
                false
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, oneshot::Sender<String>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// The event's answer, however long it takes. Only the end of the looking task ends it without one.
    pub(crate) async fn answer(&mut self) -> Option<String> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.remove(&self.id);
        self.shared.metrics.waiting(waiting.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_leaves_is_forgotten() {
        let waiters = Waiters::new(Metrics::new(&prometheus::Registry::new()).unwrap());
        let waiter = waiters.wait_for(EventId::new(7).unwrap());
        assert_eq!(waiters.shared.lock().len(), 1);
        drop(waiter);
        assert!(waiters.shared.lock().is_empty());
    }
}
