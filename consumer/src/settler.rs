//! The tasks that write down what became of events: what arrived while all of them were committing is the next commit.

mod apart;
mod batch;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_database::{Claimed, Error, EventId, Failure, Next, Partly, Session};
use eventpipeline_service::{Announcer, chain};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

use crate::aside::Aside;
use crate::attempt::Settlement;
use crate::backoff::Tries;
use crate::holdings::{Holdings, key};
use crate::ids::shown;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::retry::RetryPolicy;
use batch::Batch;

/// How many events are settled at once at the most.
pub(crate) const LARGEST_BATCH: usize = 512;

/// How many settlers share the settlements. With two, what is ready while a commit is under way does not wait for its end,
/// and both share the server's wait for the disk.
pub(crate) const SETTLERS: usize = 2;

/// How often in a row the database may refuse all that is written before it is set aside.
const REFUSALS: u32 = 3;
/// Writes settlements down.
///
/// A statement that failed is tried again until it succeeds: the fence decides whether it came in time, also when an
/// earlier try took effect without saying so. What fails for one event alone is set aside, and holds up no other.
pub(crate) struct Settler {
    pub(crate) session: Session,
    /// Shared with the other settlers: whoever is free takes all that there is.
    pub(crate) settlements: Arc<Mutex<mpsc::Receiver<Settlement>>>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tries: Tries,
    pub(crate) aside: Aside,
    pub(crate) retry: RetryPolicy,
    pub(crate) lease: Duration,
    /// For how long what is aside is tried at the end.
    pub(crate) patience: Duration,
}

/// Why events of a batch are not settled.
type Obstacles = HashMap<EventId, Why>;

#[derive(Clone)]
enum Why {
    Locked,
    /// With what the database says.
    Refused(String),
}

impl Settler {
    /// Settles until the last sender is dropped.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let mut settlements = Vec::with_capacity(LARGEST_BATCH);
        loop {
            tokio::select! {
                taken = self.next(&mut settlements) => {
                    if taken == 0 {
                        break;
                    }
                    let left = self.settle(settlements.drain(..).collect()).await;
                    self.set_aside(left).await;
                }
                () = self.aside.is_due() => self.try_again().await,
            }
        }
        self.end().await;
        self.session.close().await;
        Ok(())
    }

    /// Takes what waits, at least one. None when no more can come.
    async fn next(&self, settlements: &mut Vec<Settlement>) -> usize {
        self.settlements.lock().await.recv_many(settlements, LARGEST_BATCH).await
    }

    /// Gives what is left, and why.
    async fn settle(&mut self, batch: Batch) -> Vec<(Settlement, Why)> {
        let mut obstacles = Obstacles::new();
        self.complete(&batch, &mut obstacles).await;
        self.fail(&batch.failures, &mut obstacles).await;
        self.release(&batch.releases, &mut obstacles).await;
        let settled = batch.claims().filter(|claim| !obstacles.contains_key(&claim.id));
        self.holdings.settled(settled.map(key));
        if obstacles.is_empty() {
            return Vec::new();
        }
        let why = |settlement: Settlement| {
            let why = obstacles.get(&settlement.claim.id)?.clone();
            Some((settlement, why))
        };
        batch.into_settlements().filter_map(why).collect()
    }

    async fn complete(&mut self, batch: &Batch, obstacles: &mut Obstacles) {
        let completions = &batch.completions;
        if completions.is_empty() {
            return;
        }
        let ids = completions.iter().map(|completion| completion.claim.id);
        let accepted = loop {
            let result = self.session.complete(completions).await;
            if let Some(accepted) = self.written("write answers down", ids.clone(), result, obstacles).await {
                break accepted;
            }
        };
        self.announcer.finished(accepted.iter().map(|id| id.get()));
        self.metrics.completed(completions.len(), accepted.len());
        let written = || {
            let all = completions.iter().zip(&batch.times);
            all.filter(|(completion, _)| accepted.contains(&completion.claim.id))
        };
        for (completion, (arrived, _)) in written() {
            self.metrics.created_to_value(completion.claim.age + arrived.elapsed());
        }
        self.journal.done(written().map(|(completion, (_, took))| (completion, *took)), accepted.len());
        self.fenced("answers", ids, &accepted, obstacles);
    }

    async fn fail(&mut self, failures: &[Failure], obstacles: &mut Obstacles) {
        if failures.is_empty() {
            return;
        }
        let ids = failures.iter().map(|failure| failure.claim.id);
        let accepted = loop {
            let result = self.session.fail(failures).await;
            if let Some(accepted) = self.written("write failures down", ids.clone(), result, obstacles).await
            {
                break accepted;
            }
        };
        self.count_failures(failures, &accepted);
        self.fenced("failures", ids, &accepted, obstacles);
    }

    fn count_failures(&self, failures: &[Failure], accepted: &HashSet<EventId>) {
        let written = || failures.iter().filter(|failure| accepted.contains(&failure.claim.id));
        let dead = || written().filter(|failure| matches!(failure.next, Next::Dead));
        self.announcer.finished(dead().map(|failure| failure.claim.id.get()));
        let deaths = dead().count();
        self.metrics.failed(written().count() - deaths, deaths);
    }

    async fn release(&mut self, claims: &[Claimed], obstacles: &mut Obstacles) {
        if claims.is_empty() {
            return;
        }
        let ids = claims.iter().map(|claim| claim.id);
        loop {
            let result = self.session.release(claims).await.map(|()| ids.clone().collect());
            if let Some(released) = self.written("give events back", ids.clone(), result, obstacles).await {
                self.metrics.released(released.len());
                break;
            }
        }
        self.announcer.work();
    }

    /// The events that were settled; `None` after a pause, where all of it is to be tried again.
    async fn written(
        &mut self,
        what: &str,
        ids: impl Iterator<Item = EventId>,
        result: Result<Vec<EventId>, Error>,
        obstacles: &mut Obstacles,
    ) -> Option<HashSet<EventId>> {
        let partly = match result {
            Ok(accepted) => Partly { accepted, ..Partly::default() },
            Err(Error::Partly(partly)) => *partly,
            Err(failure) if failure.is_refusal() && self.tries.count() >= REFUSALS => {
                let (ids, error) = (ids.collect::<Vec<_>>(), chain(&failure));
                warn!(events = ids.len(), ids = shown(&ids), error, "failed to {what}; set aside");
                Partly { locked: ids, ..Partly::default() }
            }
            Err(failure) => {
                self.pause(what, ids.count(), &failure).await;
                return None;
            }
        };
        self.tries.succeeded();
        obstacles.extend(partly.locked.into_iter().map(|id| (id, Why::Locked)));
        let refused = partly.refused.into_iter();
        obstacles.extend(refused.map(|refused| (refused.id, Why::Refused(chain(&refused.error)))));
        Some(partly.accepted.into_iter().collect())
    }

    /// Counts and logs what was not accepted, because the event had been freed or claimed again since.
    fn fenced(
        &self,
        what: &str,
        ids: impl Iterator<Item = EventId>,
        accepted: &HashSet<EventId>,
        obstacles: &Obstacles,
    ) {
        let late: Vec<EventId> =
            ids.filter(|id| !accepted.contains(id) && !obstacles.contains_key(id)).collect();
        if !late.is_empty() {
            self.metrics.fenced(late.len());
            let (events, ids) = (late.len(), shown(&late));
            warn!(
                events,
                ids,
                "{events} {what} came late and were dropped, their claims were not the last: events {ids}"
            );
        }
    }

    async fn pause(&mut self, what: &str, events: usize, failure: &Error) {
        let pause = self.tries.failed();
        let (error, pause_ms) = (chain(failure), pause.as_millis());
        warn!(events, error, pause_ms, "failed to {what}; trying again");
        tokio::time::sleep(pause).await;
    }
}
