//! The signal that tells an idle claim task about possible work, and the limits of how often it reacts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;

use crate::backoff::{doubled, jittered};

/// First pause between polls of an idle consumer.
const SOONEST_POLL: Duration = Duration::from_millis(10);
/// Longest pause between polls of an idle consumer.
const LATEST_POLL: Duration = Duration::from_millis(200);
/// Time for which wake-ups are ignored after a claim that found nothing. It doubles with each further such
/// claim.
const IGNORED: Duration = Duration::from_millis(1);
/// Maximum of that time, which bounds the claims that duplicated or forged wake-ups cause.
const LONGEST_IGNORED: Duration = Duration::from_millis(8);

/// Signals that there may be work.
#[derive(Debug, Default)]
pub(crate) struct WorkSignal {
    announced: Notify,
    returned: AtomicBool,
}

impl WorkSignal {
    /// Another pod announces work.
    pub(crate) fn announce(&self) {
        self.announced.notify_one();
    }

    /// Events returned to the queue, at places that the claim task may have passed.
    pub(crate) fn returned(&self) {
        self.returned.store(true, Ordering::Relaxed);
        self.announced.notify_one();
    }

    /// Resets the signal before a claim, which sees everything announced so far. Returns whether events
    /// returned.
    pub(crate) fn take(&self) -> bool {
        self.announced.notified().now_or_never();
        self.returned.swap(false, Ordering::Relaxed)
    }
}

/// Counts the polls and claims in a row that found nothing.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    polls: u32,
    claims: u32,
}

impl Idle {
    /// A claim returned events.
    pub(crate) fn over(&mut self) {
        *self = Self::default();
    }

    /// A claim returned nothing, even if an event was due: another consumer has claimed it or another client
    /// has locked it.
    pub(crate) fn claimed_nothing(&mut self) {
        self.claims = self.claims.saturating_add(1);
    }

    /// The task polls.
    pub(crate) fn polls(&mut self) {
        self.polls = self.polls.saturating_add(1);
    }

    /// Waits for the time of the next poll.
    pub(crate) async fn until_poll(&self) {
        let pause = doubled(SOONEST_POLL, LATEST_POLL, self.polls);
        tokio::time::sleep(jittered(pause, rand::random())).await;
    }

    /// Waits for a wake-up that is not ignored.
    pub(crate) async fn until_wakeup(&self, work: &WorkSignal) {
        if let Some(doublings) = self.claims.checked_sub(1) {
            tokio::time::sleep(doubled(IGNORED, LONGEST_IGNORED, doublings)).await;
        }
        work.announced.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Counts the claims that a flood of wake-ups causes in a second.
    #[tokio::test(start_paused = true)]
    async fn useless_wakeups_cost_few_claims() {
        let (work, mut idle, started) = (WorkSignal::default(), Idle::default(), Instant::now());
        let mut claims = 0;
        while started.elapsed() < Duration::from_secs(1) {
            work.announce();
            idle.until_wakeup(&work).await;
            assert!(!work.take());
            idle.claimed_nothing();
            claims += 1;
        }
        assert!((100..=130).contains(&claims), "{claims}");
        // After a claim that found events, a wake-up counts at once.
        idle.over();
        work.announce();
        let announced = Instant::now();
        idle.until_wakeup(&work).await;
        assert_eq!(announced.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn polls_become_rarer_up_to_a_limit() {
        let mut idle = Idle::default();
        for _ in 0..100 {
            let started = Instant::now();
            idle.until_poll().await;
            idle.polls();
            idle.claimed_nothing();
            assert!(started.elapsed() <= LATEST_POLL);
        }
        let started = Instant::now();
        idle.until_poll().await;
        assert!(started.elapsed() >= LATEST_POLL / 2);
    }

    #[tokio::test]
    async fn returned_events_are_reported_once() {
        let (work, idle) = (WorkSignal::default(), Idle::default());
        work.returned();
        idle.until_wakeup(&work).await;
        assert!(work.take());
        assert!(!work.take());
    }
}
