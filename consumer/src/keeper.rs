//! The task that frees what crashed consumers left claimed. Each consumer runs one; one of them would do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Lease, LowWaterMark, MaxAttempts, Reclaimed, Session};
use eventpipeline_service::{Announcer, chain};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ids::shown;
use crate::metrics::Metrics;
use crate::wake::Work;

/// How long an abandoned claim waits for somebody to look, at the most.
const LATEST_LOOK: Duration = Duration::from_secs(15);

/// Frees.
pub(crate) struct Keeper {
    pub(crate) session: Session,
    pub(crate) lease: Duration,
    pub(crate) max_attempts: MaxAttempts,
    /// Of the claims that are overdue.
    pub(crate) mark: LowWaterMark,
    /// Of this consumer's claimer.
    pub(crate) work: Arc<Work>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: Metrics,
}

impl Keeper {
    /// Frees now and then, until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        // At once: the pulse of a consumer that ended a moment ago goes on without a gap.
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep_until(after(pause).into()) => {}
            }
            pause = if self.reclaim().await { Duration::ZERO } else { self.look_period() };
        }
        self.session.close().await;
        Ok(())
    }

    fn look_period(&self) -> Duration {
        (self.lease / 4).min(LATEST_LOOK)
    }

    /// Frees what is abandoned. Whether there may be more.
    async fn reclaim(&mut self) -> bool {
        let Reclaimed { renewed, freed, dead } =
            match self.session.reclaim(&mut self.mark, Lease::new(self.lease), self.max_attempts).await {
                Ok(reclaimed) => reclaimed,
                Err(failure) => {
                    warn!(error = chain(&failure), "failed to reclaim");
                    return false;
                }
            };
        if let Some(events) = renewed {
            self.metrics.began_leases_anew();
            let lease_seconds = self.lease.as_secs_f64();
            warn!(
                events,
                lease_seconds,
                "the database was away, its clock stepped or no consumer has looked after it: {events} claims have their whole lease \
                 again, and none is freed before that ends"
            );
            return false;
        }
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
}

/// So long from now, a little more or less, so that consumers that were started together do not go on together.
fn after(pause: Duration) -> Instant {
    Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
