//! Consumers that keep their marks, and time in which nothing happens: then everything that is due is claimed soon.

use std::time::{Duration, Instant};

use eventpipeline_database::{ClaimLimit, Claimed, Lease, LowWaterMark, Session, State};

use super::run::Run;
use crate::support::{LONG, owner_to_try};

/// How long an event may be due while a consumer has nothing else to do.
const SOON: Duration = Duration::from_secs(1);
/// A busy machine is slower by as much as one look takes, so often.
const LOOKS: u32 = 10;
/// How often an idle consumer looks.
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
    /// Who is told claims at once, and may find nothing: what came back to an old place is found by looking.
    pub(super) async fn wakeup(&mut self, which: usize, limit: usize) {
        let claims = self.consumers[which].claim(limit).await;
        self.tally.count("wakeup", !claims.is_empty());
        self.claimed(claims);
    }

    /// Who sees something that is due gets it: nobody else wants it at this moment. Says whether it did.
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

    /// One of them alone has to find it all.
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
