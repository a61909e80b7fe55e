//! Deferral of settlements that failed for one event alone.

use std::collections::HashMap;
use std::time::Duration;

use eventpipeline_database::{EventId, Failure};
use eventpipeline_service::error_chain;
use tokio::time::Instant;
use tracing::{error, warn};

use super::{Obstacle, Settler};
use crate::attempt::Settlement;
use crate::claim_key::key;
use crate::deferred::DeferredSettlement;
use crate::ids::listed;
use crate::metrics::Deferral;
use crate::retry::Verdict;

/// Pause between the last retries at the end.
const LAST_PAUSE: Duration = Duration::from_millis(50);

impl Settler {
    /// Defers events that other clients have locked. An event that the database refuses to settle is a failed
    /// attempt.
    pub(super) async fn defer(&mut self, left: Vec<(Settlement, Obstacle)>) {
        let mut deferred = Vec::with_capacity(left.len());
        let mut locked = Vec::new();
        for (settlement, obstacle) in left {
            match obstacle {
                Obstacle::Locked => {
                    self.metrics.deferred(Deferral::Locked);
                    locked.push(settlement.claim.id);
                    deferred.push(DeferredSettlement { settlement, until: None });
                }
                Obstacle::Refused(refusal) => {
                    self.metrics.deferred(Deferral::Refused);
                    deferred.extend(self.fail_refused(settlement, &refusal).await);
                }
            }
        }
        if !locked.is_empty() {
            let (events, ids) = (locked.len(), listed(&locked));
            warn!(
                events,
                ids,
                "deferred {events} completions, another client of the database has them locked: events {ids}"
            );
        }
        self.add_deferred(deferred, false);
    }

    /// Writes a failed attempt with the refusal as its error. Returns the settlement if the database refuses
    /// this, too; its lease then expires.
    async fn fail_refused(&mut self, settlement: Settlement, refusal: &str) -> Option<DeferredSettlement> {
        let claim = settlement.claim.clone();
        let (id, attempt) = (claim.id, claim.attempt);
        error!(event.id = %id, attempt, error = refusal, "the database refuses to settle event {id}");
        self.in_flight.settled([key(&claim)]);
        let next = self.retry.next(attempt, Verdict::Retry, rand::random());
        let error = format!("the database refused to settle the event: {refusal}");
        let failure = Failure { claim, error, next };
        match self.session.fail(std::slice::from_ref(&failure)).await {
            Ok(accepted) => {
                self.count_failures(&[failure], &accepted.into_iter().collect());
                None
            }
            Err(failure) => {
                let error = error_chain(&failure);
                warn!(event.id = %id, error, "the failure of event {id} is refused as well; its lease will expire");
                Some(DeferredSettlement { settlement, until: Some(Instant::now() + self.lease) })
            }
        }
    }

    fn add_deferred(&mut self, settlements: Vec<DeferredSettlement>, retried: bool) {
        self.metrics.deferred_changed(i64::try_from(settlements.len()).unwrap_or(i64::MAX));
        self.deferred.add(settlements, retried);
    }

    /// Retries all deferred settlements once, and keeps those that fail again.
    pub(super) async fn retry_deferred(&mut self) {
        let deferred = self.deferred.take();
        self.metrics.deferred_changed(-i64::try_from(deferred.len()).unwrap_or(i64::MAX));
        let mut ends: HashMap<_, _> =
            deferred.iter().map(|deferred| (key(&deferred.settlement.claim), deferred.until)).collect();
        let left = self.settle(deferred.into_iter().map(|deferred| deferred.settlement).collect()).await;
        let mut still = Vec::with_capacity(left.len());
        for (settlement, obstacle) in left {
            match (obstacle, ends.remove(&key(&settlement.claim)).flatten()) {
                (_, Some(until)) if until <= Instant::now() => {
                    let id = settlement.claim.id;
                    error!(event.id = %id, "dropped the outcome of event {id}: its lease has expired");
                }
                (Obstacle::Refused(refusal), None) => {
                    still.extend(self.fail_refused(settlement, &refusal).await);
                }
                (_, until) => still.push(DeferredSettlement { settlement, until }),
            }
        }
        self.add_deferred(still, true);
    }

    /// Retries deferred settlements for a while at the end. The other events are free again when their leases
    /// expire.
    pub(super) async fn end(&mut self) {
        let end = Instant::now() + self.patience;
        while !self.deferred.is_empty() && Instant::now() < end {
            tokio::time::sleep(LAST_PAUSE).await;
            self.retry_deferred().await;
        }
        let left: Vec<EventId> =
            self.deferred.take().iter().map(|deferred| deferred.settlement.claim.id).collect();
        if !left.is_empty() {
            let (events, ids) = (left.len(), listed(&left));
            warn!(
                events,
                ids,
                "{events} events could not be settled, and are claimed until their leases expire: events {ids}"
            );
        }
    }
}
