//! What a settler does with events that could not be settled with the others.

use std::collections::HashMap;
use std::time::Duration;

use eventpipeline_database::{EventId, Failure};
use eventpipeline_service::chain;
use tokio::time::Instant;
use tracing::{error, warn};

use super::{Settler, Why};
use crate::aside::Waiting;
use crate::attempt::Settlement;
use crate::holdings::key;
use crate::ids::shown;
use crate::metrics::Obstacle;
use crate::retry::Verdict;

/// The pause between the last tries of what is aside at the end.
const LAST_PAUSE: Duration = Duration::from_millis(50);

impl Settler {
    /// What other clients have locked waits for them. What is refused is a failed attempt.
    pub(super) async fn set_aside(&mut self, left: Vec<(Settlement, Why)>) {
        let mut waiting = Vec::with_capacity(left.len());
        let mut locked = Vec::new();
        for (settlement, why) in left {
            match why {
                Why::Locked => {
                    self.metrics.set_aside(Obstacle::Locked);
                    locked.push(settlement.claim.id);
                    waiting.push(Waiting { settlement, until: None });
                }
                Why::Refused(refusal) => {
                    self.metrics.set_aside(Obstacle::Refused);
                    waiting.extend(self.give_back_refused(settlement, &refusal).await);
                }
            }
        }
        if !locked.is_empty() {
            let (events, ids) = (locked.len(), shown(&locked));
            warn!(
                events,
                ids,
                "{events} events wait to be settled apart from others, another client of the database has them locked: events {ids}"
            );
        }
        self.aside(waiting, false);
    }

    /// A failed attempt with the refusal as its error. Gives it where that is refused, too; its lease then runs out.
    async fn give_back_refused(&mut self, settlement: Settlement, refusal: &str) -> Option<Waiting> {
        let claim = settlement.claim.clone();
        let (id, attempt) = (claim.id, claim.attempt);
        error!(event.id = %id, attempt, error = refusal, "the database refuses what became of event {id}");
        self.holdings.settled([key(&claim)]);
        let next = self.retry.next(attempt, Verdict::Retry, rand::random());
        let failure =
            Failure { claim, error: format!("the database refused what became of it: {refusal}"), next };
        match self.session.fail(std::slice::from_ref(&failure)).await {
            Ok(accepted) => {
                self.count_failures(&[failure], &accepted.into_iter().collect());
                None
            }
            Err(failure) => {
                warn!(event.id = %id, error = chain(&failure), "event {id} could not be given back either; its lease runs out");
                Some(Waiting { settlement, until: Some(Instant::now() + self.lease) })
            }
        }
    }

    fn aside(&mut self, waiting: Vec<Waiting>, again: bool) {
        self.metrics.aside(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        self.aside.add(waiting, again);
    }

    /// Tries all that is aside once, and keeps what is still not settled.
    pub(super) async fn try_again(&mut self) {
        let waiting = self.aside.take();
        self.metrics.aside(-i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        let mut ends: HashMap<_, _> =
            waiting.iter().map(|waiting| (key(&waiting.settlement.claim), waiting.until)).collect();
        let left = self.settle(waiting.into_iter().map(|waiting| waiting.settlement).collect()).await;
        let mut still = Vec::with_capacity(left.len());
        for (settlement, why) in left {
            match (why, ends.remove(&key(&settlement.claim)).flatten()) {
                (_, Some(until)) if until <= Instant::now() => {
                    let id = settlement.claim.id;
                    error!(event.id = %id, "what became of event {id} is dropped, its lease is over");
                }
                (Why::Refused(refusal), None) => {
                    still.extend(self.give_back_refused(settlement, &refusal).await);
                }
                (_, until) => still.push(Waiting { settlement, until }),
            }
        }
        self.aside(still, true);
    }

    /// What is aside at the end is tried for a while. Its events are free for others when their leases are over.
    pub(super) async fn end(&mut self) {
        let end = Instant::now() + self.patience;
        while !self.aside.is_empty() && Instant::now() < end {
            tokio::time::sleep(LAST_PAUSE).await;
            self.try_again().await;
        }
        let left: Vec<EventId> =
            self.aside.take().iter().map(|waiting| waiting.settlement.claim.id).collect();
        if !left.is_empty() {
            let (events, ids) = (left.len(), shown(&left));
            warn!(
                events,
                ids,
                "{events} events could not be settled and stay claimed until their leases end: events {ids}"
            );
        }
    }
}
