//! The task that frees the events of consumers that died. Every consumer runs one, though a single one would
//! suffice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{EventId, Lease, LowWaterMark, MaxAttempts, Reclaimed, Session};
use eventpipeline_service::{Announcer, error_chain};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ids::listed;
use crate::metrics::EventMetrics;
use crate::work::WorkSignal;

/// Maximum time between two checks for expired leases.
const LONGEST_PERIOD: Duration = Duration::from_secs(15);

/// Time without a change after which a key with blocked events is examined.
const QUIET_KEY: Duration = Duration::from_mins(10);

/// Frees events whose leases have expired, and keys whose events another program has ended.
pub(crate) struct Reclaimer {
    pub(crate) session: Session,
    pub(crate) lease: Duration,
    pub(crate) max_attempts: MaxAttempts,
    /// Mark of the expired claims.
    pub(crate) mark: LowWaterMark,
    /// Signal to this consumer's claim task.
    pub(crate) work: Arc<WorkSignal>,
    pub(crate) announcer: Announcer,
    pub(crate) metrics: EventMetrics,
}

impl Reclaimer {
    /// Checks periodically until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        // The first check is immediate, so that a consumer that replaces another leaves no gap.
        let mut pause = Duration::ZERO;
        let mut repaired = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                () = tokio::time::sleep_until(jittered_deadline(pause).into()) => {}
            }
            pause = if self.reclaim().await { Duration::ZERO } else { self.period() };
            if self.session.has_met_locks() || repaired.elapsed() > QUIET_KEY {
                self.repair_keys().await;
                repaired = Instant::now();
            }
        }
        self.session.close().await;
        Ok(())
    }

    fn period(&self) -> Duration {
        (self.lease / 4).min(LONGEST_PERIOD)
    }

    /// Frees expired events and returns whether there may be more.
    async fn reclaim(&mut self) -> bool {
        let Reclaimed { renewed, freed, dead } =
            match self.session.reclaim(&mut self.mark, Lease::new(self.lease), self.max_attempts).await {
                Ok(reclaimed) => reclaimed,
                Err(failure) => {
                    warn!(error = error_chain(&failure), "failed to check for expired leases");
                    return false;
                }
            };
        if let Some(events) = renewed {
            self.renewed(events);
            return false;
        }
        self.metrics.reclaimed(freed.len(), dead.len());
        self.freed(&freed);
        self.died(&dead);
        !freed.is_empty() || !dead.is_empty()
    }

    async fn repair_keys(&mut self) {
        match self.session.repair_keys(QUIET_KEY).await {
            Ok(0) => {}
            Ok(keys) => {
                self.work.announce();
                self.announcer.work();
                warn!(
                    keys,
                    "unblocked the next events of {keys} keys: another program has ended, deleted or locked their events"
                );
            }
            Err(failure) => warn!(error = error_chain(&failure), "failed to examine the keys of events"),
        }
    }

    fn renewed(&self, events: usize) {
        self.metrics.restarted_leases();
        if events == 0 {
            return;
        }
        let lease_seconds = self.lease.as_secs_f64();
        warn!(
            events,
            lease_seconds,
            "restarted the whole lease of {events} claims, because the database was unavailable, its clock stepped, or no \
             consumer has checked leases; none is freed before it expires"
        );
    }

    fn freed(&self, freed: &[EventId]) {
        if freed.is_empty() {
            return;
        }
        self.work.returned();
        self.announcer.work();
        let (events, ids) = (freed.len(), listed(freed));
        warn!(events, ids, "freed {events} events whose leases had expired: events {ids}");
    }

    fn died(&self, dead: &[EventId]) {
        if dead.is_empty() {
            return;
        }
        self.announcer.finished(dead.iter().map(|id| id.get()));
        // The next events of their keys may be free.
        self.work.announce();
        self.announcer.work();
        let (events, ids) = (dead.len(), listed(dead));
        warn!(
            events,
            ids, "{events} events are dead, the leases of their last attempts had expired: events {ids}"
        );
    }
}

/// Returns the end of a pause with jitter, so that consumers that were started together do not stay in step.
fn jittered_deadline(pause: Duration) -> Instant {
    Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
