//! The task that claims: as many events as can be handled at once, at once again while there are more.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_database::{Claimed, Claimer, Lease, Session};
use eventpipeline_service::chain;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::Metrics;
use crate::processor::{Processor, Settlement};

/// How soon an idle consumer looks again after it was busy.
const SOONEST: Duration = Duration::from_millis(10);
/// How long an idle consumer goes without a look at the most.
const LATEST: Duration = Duration::from_millis(100);
/// How long it waits when the database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Claims events and has them handled.
pub(crate) struct ClaimLoop {
    pub(crate) session: Session,
    pub(crate) claimer: Claimer,
    pub(crate) lease: Lease,
    /// How many events are handled at once.
    pub(crate) concurrency: usize,
    pub(crate) processor: Arc<Processor>,
    pub(crate) settle: mpsc::Sender<Settlement>,
    pub(crate) metrics: Metrics,
}

impl ClaimLoop {
    /// Claims until `draining`, then waits for what is being handled.
    pub(crate) async fn run(mut self, draining: CancellationToken) {
        let mut handling = JoinSet::new();
        let mut idle = SOONEST;
        while !draining.is_cancelled() {
            let free = self.concurrency - handling.len();
            let claimed = if free == 0 { Vec::new() } else { self.claim(free, &mut idle).await };
            for event in claimed {
                self.handle(&mut handling, event);
            }
            // With all places taken, or with fewer events than places, there is nothing to do before one of these.
            tokio::select! {
                () = draining.cancelled() => {}
                Some(_) = handling.join_next() => {}
                () = tokio::time::sleep(idle), if handling.len() < self.concurrency => {}
            }
        }
        while handling.join_next().await.is_some() {}
        self.session.close().await;
    }

    /// What is free, up to `limit`. Sets how long to wait before the next look.
    async fn claim(&mut self, limit: usize, idle: &mut Duration) -> Vec<Claimed> {
        let claimed = match self.session.has_free().await {
            Ok(true) => self.session.claim(&self.claimer, self.lease, limit).await,
            Ok(false) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        };
        match claimed {
            Ok(events) => {
                *idle = if events.is_empty() { (*idle * 2).min(LATEST) } else { SOONEST };
                self.metrics.claimed(events.len());
                events
            }
            Err(failure) => {
                *idle = AFTER_FAILURE;
                warn!(error = chain(&failure), "failed to claim");
                Vec::new()
            }
        }
    }

    fn handle(&self, handling: &mut JoinSet<()>, event: Claimed) {
        let (processor, settle) = (Arc::clone(&self.processor), self.settle.clone());
        handling.spawn(async move {
            let settlement = processor.process(event).await;
            // The settler outlives every sender; if it died, the process ends and the lease frees the event.
            let _ = settle.send(settlement).await;
        });
    }
}
