//! The task that keeps the table in order: frees what crashed consumers left claimed, and removes what is finished for
//! longer than it is to be kept. Each consumer runs one; one of them would do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{
    Finished, LARGEST_REMOVAL, Lease, LowWaterMark, MaxAttempts, Reclaimed, Session,
};
use eventpipeline_service::{Announcer, chain};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ids::shown;
use crate::metrics::Metrics;
use crate::wake::Work;

/// How long an abandoned claim waits for somebody to look, at the most.
const LATEST_LOOK: Duration = Duration::from_secs(15);
/// How often it is looked for what is too old to be kept.
const REMOVAL_PERIOD: Duration = Duration::from_secs(30);
/// A removal is followed by a pause that is so many times as long: four fifths of the time belong to others.
const RESTS: u32 = 4;

/// How long finished events are kept; `None` is for ever.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Retention {
    pub(crate) done: Option<Duration>,
    /// Also of cancelled ones.
    pub(crate) dead: Option<Duration>,
}

/// What is removed of one kind.
#[derive(Debug)]
pub(crate) struct Rule {
    finished: Finished,
    kept: Duration,
    mark: LowWaterMark,
}

impl Retention {
    /// What follows from it.
    pub(crate) fn rules(self) -> Vec<Rule> {
        let rules =
            [(Finished::Done, self.done), (Finished::Dead, self.dead), (Finished::Cancelled, self.dead)];
        let rule = |(finished, kept): (_, Option<_>)| {
            Some(Rule { finished, kept: kept?, mark: LowWaterMark::default() })
        };
        rules.into_iter().filter_map(rule).collect()
    }
}

/// Frees and removes.
pub(crate) struct Keeper {
    pub(crate) session: Session,
    pub(crate) lease: Duration,
    pub(crate) max_attempts: MaxAttempts,
    /// Of the claims that are overdue.
    pub(crate) mark: LowWaterMark,
    pub(crate) rules: Vec<Rule>,
    /// Of this consumer's claimer.
    pub(crate) work: Arc<Work>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: Metrics,
}

impl Keeper {
    /// Frees now and then, and removes in between, until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        let mut look = after(self.look_period());
        let mut removal = after(REMOVAL_PERIOD / 10);
        loop {
            let next = if self.rules.is_empty() { look } else { look.min(removal) };
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep_until(next.into()) => {}
            }
            if Instant::now() >= look {
                let pause = if self.reclaim().await { Duration::ZERO } else { self.look_period() };
                look = after(pause);
            } else {
                removal = after(self.remove().await);
            }
        }
        self.session.close().await;
        Ok(())
    }

    fn look_period(&self) -> Duration {
        (self.lease / 4).min(LATEST_LOOK)
    }

    /// Frees what is abandoned. Whether there may be more.
    async fn reclaim(&mut self) -> bool {
        let Reclaimed { freed, dead } =
            match self.session.reclaim(&mut self.mark, Lease::new(self.lease), self.max_attempts).await {
                Ok(reclaimed) => reclaimed,
                Err(failure) => {
                    warn!(error = chain(&failure), "failed to reclaim");
                    return false;
                }
            };
        self.metrics.reclaimed(freed.len(), dead.len());
        if !freed.is_empty() {
            self.work.came_back();
            self.announcer.work();
            let (events, ids) = (freed.len(), shown(&freed));
            warn!(
                events,
                ids, "{events} events are free again, their claims were not settled in time: events {ids}"
            );
        }
        if !dead.is_empty() {
            self.announcer.finished(dead.iter().map(|id| id.get()));
            let (events, ids) = (dead.len(), shown(&dead));
            warn!(
                events,
                ids, "{events} events are dead, their last claims were not settled in time: events {ids}"
            );
        }
        !freed.is_empty() || !dead.is_empty()
    }

    /// One step for each rule. Gives the pause until the next ones.
    async fn remove(&mut self) -> Duration {
        let begun = Instant::now();
        let mut more = false;
        for Rule { finished, kept, mark } in &mut self.rules {
            match self.session.remove(mark, *finished, *kept, LARGEST_REMOVAL).await {
                Ok(removal) => {
                    self.metrics.removed(*finished, removal.events);
                    more |= removal.more;
                }
                Err(failure) => {
                    warn!(error = chain(&failure), "failed to remove old events");
                    return REMOVAL_PERIOD;
                }
            }
        }
        if more { begun.elapsed() * RESTS } else { REMOVAL_PERIOD }
    }
}

/// So long from now, a little more or less, so that consumers that were started together do not go on together.
fn after(pause: Duration) -> Instant {
    Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
