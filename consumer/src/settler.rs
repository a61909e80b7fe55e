//! The tasks that write down what became of events: what arrived while all of them were committing is the next commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Completion, Error, EventId, Failure, Next, Session};
use eventpipeline_service::{Announcer, chain};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

use crate::attempt::{End, Settlement};
use crate::backoff::Tries;
use crate::holdings::{Holdings, key};
use crate::ids::shown;
use crate::journal::Journal;
use crate::metrics::Metrics;

/// How many events are settled at once at the most.
pub(crate) const LARGEST_BATCH: usize = 512;

/// How many settlers share the settlements. With two, what is ready while a commit is under way does not wait for its end,
/// and both share the server's wait for the disk.
pub(crate) const SETTLERS: usize = 2;

/// Writes settlements down.
///
/// A statement that failed is tried again until it succeeds: the fence decides whether it came in time, also when an
/// earlier try took effect without saying so.
pub(crate) struct Settler {
    pub(crate) session: Session,
    /// Shared with the other settlers: whoever is free takes all that there is.
    pub(crate) settlements: Arc<Mutex<mpsc::Receiver<Settlement>>>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tries: Tries,
}

/// Settlements by what is done with them.
#[derive(Debug, Default)]
struct Batch {
    completions: Vec<Completion>,
    /// Of each completion, when its event came from the database, and how long the attempt took.
    times: Vec<(Instant, Duration)>,
    failures: Vec<Failure>,
    releases: Vec<Claimed>,
}

impl Settler {
    /// Settles until the last sender is dropped.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let mut settlements = Vec::with_capacity(LARGEST_BATCH);
        while self.next(&mut settlements).await > 0 {
            let batch: Batch = settlements.drain(..).collect();
            self.complete(&batch).await;
            self.fail(&batch.failures).await;
            self.release(&batch.releases).await;
            self.holdings.settled(batch.claims().map(key));
        }
        self.session.close().await;
        Ok(())
    }

    /// Takes what waits, at least one. None when no more can come.
    async fn next(&self, settlements: &mut Vec<Settlement>) -> usize {
        self.settlements.lock().await.recv_many(settlements, LARGEST_BATCH).await
    }

    async fn complete(&mut self, batch: &Batch) {
        let completions = &batch.completions;
        if completions.is_empty() {
            return;
        }
        let accepted = loop {
            match self.session.complete(completions).await {
                Ok(accepted) => break accepted,
                Err(failure) => self.pause("write answers down", completions.len(), failure).await,
            }
        };
        self.tries.succeeded();
        let accepted: HashSet<EventId> = accepted.into_iter().collect();
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
        let claims = completions.iter().map(|completion| &completion.claim);
        self.fenced("answers", claims, &accepted);
    }

    async fn fail(&mut self, failures: &[Failure]) {
        if failures.is_empty() {
            return;
        }
        let accepted = loop {
            match self.session.fail(failures).await {
                Ok(accepted) => break accepted,
                Err(failure) => self.pause("write failures down", failures.len(), failure).await,
            }
        };
        self.tries.succeeded();
        let accepted: HashSet<EventId> = accepted.into_iter().collect();
        let written = || failures.iter().filter(|failure| accepted.contains(&failure.claim.id));
        let dead = || written().filter(|failure| matches!(failure.next, Next::Dead));
        self.announcer.finished(dead().map(|failure| failure.claim.id.get()));
        let deaths = dead().count();
        self.metrics.failed(written().count() - deaths, deaths);
        self.fenced("failures", failures.iter().map(|failure| &failure.claim), &accepted);
    }

    async fn release(&mut self, claims: &[Claimed]) {
        if claims.is_empty() {
            return;
        }
        while let Err(failure) = self.session.release(claims).await {
            self.pause("give events back", claims.len(), failure).await;
        }
        self.tries.succeeded();
        self.metrics.released(claims.len());
        self.announcer.work();
    }

    /// Counts and logs what was not accepted, because the event had been freed or claimed again since.
    fn fenced<'a>(&self, what: &str, claims: impl Iterator<Item = &'a Claimed>, accepted: &HashSet<EventId>) {
        let late: Vec<EventId> = claims.map(|claim| claim.id).filter(|id| !accepted.contains(id)).collect();
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

    async fn pause(&mut self, what: &str, events: usize, failure: Error) {
        let pause = self.tries.failed();
        let (error, pause_ms) = (chain(&failure), pause.as_millis());
        warn!(events, error, pause_ms, "failed to {what}; trying again");
        tokio::time::sleep(pause).await;
    }
}

impl FromIterator<Settlement> for Batch {
    fn from_iter<T: IntoIterator<Item = Settlement>>(settlements: T) -> Self {
        let mut batch = Self::default();
        for Settlement { claim, end } in settlements {
            match end {
                End::Answer { value, arrived, took } => {
                    batch.completions.push(Completion { claim, value });
                    batch.times.push((arrived, took));
                }
                End::Failure { error, next } => batch.failures.push(Failure { claim, error, next }),
                End::GiveBack => batch.releases.push(claim),
            }
        }
        batch
    }
}

impl Batch {
    fn claims(&self) -> impl Iterator<Item = &Claimed> {
        let completed = self.completions.iter().map(|completion| &completion.claim);
        let failed = self.failures.iter().map(|failure| &failure.claim);
        completed.chain(failed).chain(&self.releases)
    }
}
