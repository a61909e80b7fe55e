//! The tasks that write the outcomes of attempts to the database. Outcomes that arrive during a commit share
//! the next one.

mod batch;
mod deferral;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_database::{Claimed, Error, EventId, Failure, Next, PartlySettled, Session};
use eventpipeline_service::{Announcer, error_chain};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

use crate::attempt::Settlement;
use crate::backoff::Backoff;
use crate::claim_key::key;
use crate::deferred::Deferred;
use crate::ids::listed;
use crate::in_flight::InFlight;
use crate::journal::Journal;
use crate::metrics::EventMetrics;
use crate::retry::RetryPolicy;
use crate::work::WorkSignal;
use batch::{Batch, without_superseded};

/// Maximum number of events that are settled at once.
pub(crate) const LARGEST_BATCH: usize = 512;

/// Number of settlers. With two, outcomes do not wait for a commit that is under way, and both share the
/// server's wait for the disk.
pub(crate) const SETTLERS: usize = 2;

/// Number of refusals in a row after which a batch is deferred.
const REFUSALS: u32 = 3;

/// Settles events: completes, fails or releases them.
///
/// A failed statement is retried until it succeeds. The fence token decides whether it came in time, even if
/// an earlier try took effect without an answer. Settlements that fail for one event alone are deferred, and
/// delay no other event.
pub(crate) struct Settler {
    pub(crate) session: Session,
    /// The outcomes, shared with the other settlers: an idle one takes all that are waiting.
    pub(crate) settlements: Arc<Mutex<mpsc::Receiver<Settlement>>>,
    pub(crate) in_flight: Arc<InFlight>,
    /// Signal to this consumer's claim task.
    pub(crate) work: Arc<WorkSignal>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: EventMetrics,
    pub(crate) journal: Arc<Journal>,
    pub(crate) backoff: Backoff,
    pub(crate) deferred: Deferred,
    pub(crate) retry: RetryPolicy,
    pub(crate) lease: Duration,
    /// Time for which deferred settlements are retried at the end.
    pub(crate) patience: Duration,
}

/// The reasons why events of a batch are not settled.
type Obstacles = HashMap<EventId, Obstacle>;

#[derive(Clone)]
enum Obstacle {
    Locked,
    /// The database refuses the change, with this error.
    Refused(String),
}

impl Settler {
    /// Settles until the last sender is dropped.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let mut settlements = Vec::new();
        loop {
            tokio::select! {
                taken = self.next(&mut settlements) => {
                    if taken == 0 {
                        break;
                    }
                    let left = self.settle(std::mem::take(&mut settlements)).await;
                    self.defer(left).await;
                }
                () = self.deferred.is_due() => self.retry_deferred().await,
            }
        }
        self.end().await;
        self.session.close().await;
        Ok(())
    }

    /// Waits for settlements and takes them, at least one; none if no more can come.
    async fn next(&self, settlements: &mut Vec<Settlement>) -> usize {
        self.settlements.lock().await.recv_many(settlements, LARGEST_BATCH).await
    }

    /// Returns the settlements that are left, and why.
    async fn settle(&mut self, settlements: Vec<Settlement>) -> Vec<(Settlement, Obstacle)> {
        let (settlements, superseded) = without_superseded(settlements);
        if !superseded.is_empty() {
            let ids: Vec<EventId> = superseded.iter().map(|(id, _)| *id).collect();
            self.fenced("outcomes", &ids);
            self.in_flight.settled(superseded);
        }
        let batch: Batch = settlements.into_iter().collect();
        let mut obstacles = Obstacles::new();
        self.complete(&batch, &mut obstacles).await;
        self.fail(&batch.failures, &mut obstacles).await;
        self.release(&batch.releases, &mut obstacles).await;
        let settled = batch.claims().filter(|claim| !obstacles.contains_key(&claim.id));
        self.in_flight.settled(settled.map(key));
        if batch.claims().any(|claim| claim.key.is_some()) {
            // The next events of these keys may be free.
            self.work.announce();
            self.announcer.work();
        }
        if obstacles.is_empty() {
            return Vec::new();
        }
        let with_obstacle = |settlement: Settlement| {
            let obstacle = obstacles.get(&settlement.claim.id)?.clone();
            Some((settlement, obstacle))
        };
        batch.into_settlements().filter_map(with_obstacle).collect()
    }

    async fn complete(&mut self, batch: &Batch, obstacles: &mut Obstacles) {
        let completions = &batch.completions;
        if completions.is_empty() {
            return;
        }
        let ids = completions.iter().map(|completion| completion.claim.id);
        let accepted = loop {
            let result = self.session.complete(completions).await;
            if let Some(accepted) = self.accepted("complete", ids.clone(), result, obstacles).await {
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
        self.fenced("values", &late(ids, &accepted, obstacles));
    }

    async fn fail(&mut self, failures: &[Failure], obstacles: &mut Obstacles) {
        if failures.is_empty() {
            return;
        }
        let ids = failures.iter().map(|failure| failure.claim.id);
        let accepted = loop {
            let result = self.session.fail(failures).await;
            if let Some(accepted) = self.accepted("fail", ids.clone(), result, obstacles).await {
                break accepted;
            }
        };
        self.count_failures(failures, &accepted);
        self.fenced("failures", &late(ids, &accepted, obstacles));
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
            if let Some(released) = self.accepted("release", ids.clone(), result, obstacles).await {
                self.metrics.released(released.len());
                break;
            }
        }
        self.announcer.work();
    }

    /// Returns the events that were settled; `None`, after a pause, if the whole statement must be retried.
    async fn accepted(
        &mut self,
        operation: &str,
        ids: impl Iterator<Item = EventId>,
        result: Result<Vec<EventId>, Error>,
        obstacles: &mut Obstacles,
    ) -> Option<HashSet<EventId>> {
        let partly = match result {
            Ok(accepted) => PartlySettled { accepted, ..PartlySettled::default() },
            Err(Error::PartlySettled(partly)) => *partly,
            Err(failure) if failure.is_refusal() && self.backoff.count() >= REFUSALS => {
                let (ids, error) = (ids.collect::<Vec<_>>(), error_chain(&failure));
                let (events, listed) = (ids.len(), listed(&ids));
                warn!(events, ids = listed, error, "failed to {operation} {events} events; deferred");
                PartlySettled { locked: ids, ..PartlySettled::default() }
            }
            Err(failure) => {
                self.pause(operation, ids.count(), &failure).await;
                return None;
            }
        };
        self.backoff.succeeded();
        obstacles.extend(partly.locked.into_iter().map(|id| (id, Obstacle::Locked)));
        let refused = partly.refused.into_iter();
        obstacles.extend(refused.map(|refused| (refused.id, Obstacle::Refused(error_chain(&refused.error)))));
        Some(partly.accepted.into_iter().collect())
    }

    /// Counts and logs outcomes that were dropped, because their events had been freed or claimed again.
    fn fenced(&self, outcomes: &str, late: &[EventId]) {
        if !late.is_empty() {
            self.metrics.fenced(late.len());
            let (events, ids) = (late.len(), listed(late));
            warn!(events, ids, "dropped {events} {outcomes} whose claims were lost: events {ids}");
        }
    }

    async fn pause(&mut self, operation: &str, events: usize, failure: &Error) {
        let pause = self.backoff.failed();
        let (error, pause_ms) = (error_chain(failure), pause.as_millis());
        warn!(events, error, pause_ms, "failed to {operation} {events} events; retrying");
        tokio::time::sleep(pause).await;
    }
}

/// Returns the events whose outcomes the database did not accept, without those that had an obstacle.
fn late(
    ids: impl Iterator<Item = EventId>,
    accepted: &HashSet<EventId>,
    obstacles: &Obstacles,
) -> Vec<EventId> {
    ids.filter(|id| !accepted.contains(id) && !obstacles.contains_key(id)).collect()
}
