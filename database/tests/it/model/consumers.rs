//! Consumers that keep their marks, and idle periods: everything that is due must be claimed soon.

use std::time::{Duration, Instant};

use eventpipeline_database::{ClaimLimit, Claimed, Lease, LowWaterMark, Session, State};

use super::run::Run;
use crate::support::{LONG, owner_to_try};

/// Longest time for which an event may be due while a consumer is idle.
const SOON: Duration = Duration::from_secs(1);
/// Number of scans by whose duration a busy machine may exceed this.
const LOOKS: u32 = 10;
/// Interval between an idle consumer's scans.
const PERIOD: Duration = Duration::from_millis(5);

pub(super) struct Consumer {
    session: Session,
    mark: LowWaterMark,
}

impl Consumer {
    pub(super) fn new(session: Session) -> Self {
        Self { session, mark: LowWaterMark::default() }
    }

    async fn claim(&mut self, events: usize) -> Vec<Claimed> {
        let limit = ClaimLimit { events, bytes: usize::MAX };
        self.session.claim(&mut self.mark, &owner_to_try(), Lease::new(LONG), limit).await.unwrap().events
    }
}

impl Run {
    /// A consumer that receives a wake-up claims at once, and may find nothing: events that returned to an old position are found
    /// by scanning.
    pub(super) async fn wake_up(&mut self, which: usize, limit: usize) {
        let claims = self.consumers[which].claim(limit).await;
        self.tally.count("wake-up", !claims.is_empty());
        self.claimed(claims);
    }

    /// A consumer that finds a due event gets it, because no other one claims at this moment. Returns whether it found one.
    pub(super) async fn poll(&mut self, which: usize, limit: usize) -> bool {
        let consumer = &mut self.consumers[which];
        let due = consumer.session.has_due(&mut consumer.mark).await.unwrap();
        if due {
            let claims = consumer.claim(limit).await;
            assert!(!claims.is_empty(), "something was seen to be due, and the claim after it found nothing");
            self.claimed(claims);
        }
        self.tally.count("poll", due);
        due
    }

    /// A single idle consumer must find everything that is due.
    pub(super) async fn idle(&mut self) {
        let which = usize::try_from(self.now()).unwrap() % self.consumers.len();
        let (mut found, mut slowest) = (Instant::now(), Duration::ZERO);
        while !self.line(State::Pending).is_empty() {
            let begun = Instant::now();
            if self.poll(which, 3).await {
                self.tally.count("idle", true);
                found = Instant::now();
            }
            slowest = slowest.max(begun.elapsed());
            let allowed = SOON + slowest * LOOKS;
            assert!(found.elapsed() < allowed, "{:?} are due and not found", self.line(State::Pending));
            tokio::time::sleep(PERIOD).await;
        }
    }
}
