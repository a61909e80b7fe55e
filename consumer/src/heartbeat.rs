//! The task that keeps the claims of what takes long. While everything is settled soon it says nothing to the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Error, EventId, Lease, Session};
use eventpipeline_service::chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::attempt::{End, Settlement};
use crate::backoff::Tries;
use crate::holdings::{Holdings, Overdue, key};
use crate::ids::shown;
use crate::metrics::Metrics;

const LOCKED: &str = "another client of the database has them locked or the database refuses it";

/// Extends claims that are older than a third of the lease. That leaves a second try before the lease ends.
pub(crate) struct Heartbeat {
    pub(crate) session: Session,
    pub(crate) lease: Duration,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) settle: mpsc::WeakSender<Settlement>,
    pub(crate) metrics: Metrics,
    pub(crate) tries: Tries,
}

impl Heartbeat {
    /// Beats until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        let mut pause = self.lease / 6;
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            pause = self.lease / 6;
            let Overdue { buffered, begun } = self.holdings.overdue(self.lease / 3);
            self.give_back(buffered);
            if !begun.is_empty() && !self.extend(begun).await {
                pause = pause.min(self.tries.failed());
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// What is not begun by now is better off with another consumer.
    fn give_back(&self, claims: Vec<Claimed>) {
        let Some(settle) = self.settle.upgrade() else { return };
        for claim in claims {
            // With a full settler the next beat will do.
            let Ok(place) = settle.try_reserve() else { return };
            if !self.holdings.lost([key(&claim)]).is_empty() {
                place.send(Settlement { claim, end: End::GiveBack });
            }
        }
    }

    /// Whether the database has said which claims hold.
    async fn extend(&mut self, mut claims: Vec<Claimed>) -> bool {
        let sent = Instant::now();
        let held = match self.session.extend(&claims, Lease::new(self.lease)).await {
            Ok(held) => held,
            Err(Error::Partly(partly)) => {
                let unknown: Vec<_> = partly
                    .locked
                    .into_iter()
                    .chain(partly.refused.iter().map(|refused| refused.id))
                    .collect();
                let (events, ids) = (unknown.len(), shown(&unknown));
                warn!(events, ids, "the leases of {events} events are not extended, {LOCKED}: events {ids}");
                // Nothing is known of these, so that they are neither extended nor lost.
                claims.retain(|claim| !unknown.contains(&claim.id));
                partly.accepted
            }
            Err(failure) => {
                let (events, error) = (claims.len(), chain(&failure));
                warn!(events, error, "failed to extend leases; trying again");
                return false;
            }
        };
        self.tries.succeeded();
        let held: std::collections::HashSet<EventId> = held.into_iter().collect();
        let (kept, lost): (Vec<_>, Vec<_>) = claims.iter().map(key).partition(|(id, _)| held.contains(id));
        self.holdings.renewed(kept, sent);
        let dropped = self.holdings.lost(lost);
        if !dropped.is_empty() {
            self.metrics.fenced(dropped.len());
            let (events, ids) = (dropped.len(), shown(&dropped));
            warn!(events, ids, "{events} claims ran out of their lease and were dropped: events {ids}");
        }
        true
    }
}
