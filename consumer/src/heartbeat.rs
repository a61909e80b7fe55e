//! The task that extends the leases of events that take long. While everything is settled quickly it sends no
//! statement.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Error, EventId, Lease, Session};
use eventpipeline_service::error_chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::attempt::{Outcome, Settlement};
use crate::backoff::Backoff;
use crate::claim_key::{ClaimKey, key, superseded};
use crate::ids::listed;
use crate::in_flight::{InFlight, Overdue};
use crate::metrics::EventMetrics;

const LOCKED: &str = "another client of the database has them locked or the database refuses it";

/// Extends claims that are older than a third of the lease. That leaves time for a retry before the lease
/// expires.
pub(crate) struct Heartbeat {
    pub(crate) session: Session,
    pub(crate) lease: Duration,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) settle: mpsc::WeakSender<Settlement>,
    pub(crate) metrics: EventMetrics,
    pub(crate) backoff: Backoff,
}

impl Heartbeat {
    /// Extends leases until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        let mut pause = self.lease / 6;
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            pause = self.lease / 6;
            let Overdue { buffered, begun } = self.in_flight.overdue(self.lease / 3);
            self.release(buffered);
            if !begun.is_empty() && !self.extend(begun).await {
                pause = pause.min(self.backoff.failed());
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// Releases events that wait for the handler, so that another consumer can handle them.
    fn release(&self, claims: Vec<Claimed>) {
        let Some(settle) = self.settle.upgrade() else { return };
        for claim in claims {
            // If the settlers are busy, the next beat releases the rest.
            let Ok(place) = settle.try_reserve() else { return };
            if !self.in_flight.lost([key(&claim)]).is_empty() {
                place.send(Settlement { claim, outcome: Outcome::Release });
            }
        }
    }

    /// Extends the claims. Returns false if the database did not answer.
    async fn extend(&mut self, claims: Vec<Claimed>) -> bool {
        let (mut claims, mut lost) = current(claims);
        let sent = Instant::now();
        let extended = match self.session.extend(&claims, Lease::new(self.lease)).await {
            Ok(extended) => extended,
            Err(Error::PartlySettled(partly)) => {
                let unknown: Vec<_> = partly
                    .locked
                    .into_iter()
                    .chain(partly.refused.into_iter().map(|refused| refused.id))
                    .collect();
                let (events, ids) = (unknown.len(), listed(&unknown));
                warn!(events, ids, "failed to extend the leases of {events} events, {LOCKED}: events {ids}");
                // Their claims are neither extended nor lost.
                claims.retain(|claim| !unknown.contains(&claim.id));
                partly.accepted
            }
            Err(failure) => {
                let (events, error) = (claims.len(), error_chain(&failure));
                warn!(events, error, "failed to extend leases; retrying");
                return false;
            }
        };
        self.backoff.succeeded();
        let extended: HashSet<EventId> = extended.into_iter().collect();
        let (kept, fenced): (Vec<_>, Vec<_>) =
            claims.iter().map(key).partition(|(id, _)| extended.contains(id));
        self.in_flight.renewed(kept, sent);
        lost.extend(fenced);
        self.lost(lost);
        true
    }

    fn lost(&self, claims: Vec<ClaimKey>) {
        let dropped = self.in_flight.lost(claims);
        if !dropped.is_empty() {
            self.metrics.fenced(dropped.len());
            let (events, ids) = (dropped.len(), listed(&dropped));
            warn!(events, ids, "dropped {events} claims whose leases had expired: events {ids}");
        }
    }
}

/// Splits the claims into those that may hold, and those of events that this consumer has claimed again.
fn current(mut claims: Vec<Claimed>) -> (Vec<Claimed>, Vec<ClaimKey>) {
    let superseded = superseded(claims.iter());
    claims.retain(|claim| !superseded.contains(&key(claim)));
    (claims, superseded.into_iter().collect())
}
