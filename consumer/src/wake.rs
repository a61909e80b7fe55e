//! What tells an idle claimer that there may be work, and how often it may be told so in vain.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::backoff::{doubled, jittered};

/// How soon an idle consumer looks for work after it had some.
const SOONEST: Duration = Duration::from_millis(10);
/// How long an idle consumer goes without a look at the most.
const LATEST: Duration = Duration::from_millis(200);
/// For how long no wake-up is heard after a claim that found nothing; doubled with each further one.
const DEAF: Duration = Duration::from_millis(1);
/// The longest such time: wake-ups that are double or forged cost no more claims than this allows.
const DEAFEST: Duration = Duration::from_millis(8);

/// Where other tasks say that there may be work.
#[derive(Debug, Default)]
pub(crate) struct Work {
    announced: Notify,
    returned: AtomicBool,
}

impl Work {
    /// Another pod says that there is work.
    pub(crate) fn announce(&self) {
        self.announced.notify_one();
    }

    /// Events came back to places in line that were looked at before.
    pub(crate) fn came_back(&self) {
        self.returned.store(true, Ordering::Relaxed);
        self.announced.notify_one();
    }

    /// Who claims now sees what was announced until now. Says whether events came back.
    pub(crate) fn take(&self) -> bool {
        futures::FutureExt::now_or_never(self.announced.notified());
        self.returned.swap(false, Ordering::Relaxed)
    }
}

/// How many looks and claims in a row found nothing.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    looks: u32,
    claims: u32,
}

impl Idle {
    /// A claim gave events.
    pub(crate) fn over(&mut self) {
        *self = Self::default();
    }

    /// A claim gave nothing, also where something was seen to be due: another consumer has it, or somebody has it locked.
    pub(crate) fn claimed_nothing(&mut self) {
        self.claims = self.claims.saturating_add(1);
    }

    /// A look is made.
    pub(crate) fn looks(&mut self) {
        self.looks = self.looks.saturating_add(1);
    }

    /// Returns when it is time to look.
    pub(crate) async fn until_look(&self) {
        let pause = doubled(SOONEST, LATEST, self.looks);
        tokio::time::sleep(jittered(pause, rand::random())).await;
    }

    /// Returns when there is a wake-up that is to be heard.
    pub(crate) async fn until_wakeup(&self, work: &Work) {
        if let Some(doublings) = self.claims.checked_sub(1) {
            tokio::time::sleep(doubled(DEAF, DEAFEST, doublings)).await;
        }
        work.announced.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// How many claims a flood of wake-ups brings about in a second.
    #[tokio::test(start_paused = true)]
    async fn wakeups_in_vain_cost_few_claims() {
        let (work, mut idle, begun) = (Work::default(), Idle::default(), Instant::now());
        let mut claims = 0;
        while begun.elapsed() < Duration::from_secs(1) {
            work.announce();
            idle.until_wakeup(&work).await;
            assert!(!work.take());
            idle.claimed_nothing();
            claims += 1;
        }
        assert!((100..=130).contains(&claims), "{claims}");
        // One that was of use is over at once, and so is what comes after a while.
        idle.over();
        work.announce();
        let heard = Instant::now();
        idle.until_wakeup(&work).await;
        assert_eq!(heard.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_become_rarer_and_never_rare() {
        let mut idle = Idle::default();
        for _ in 0..100 {
            let begun = Instant::now();
            idle.until_look().await;
            idle.looks();
            idle.claimed_nothing();
            assert!(begun.elapsed() <= LATEST);
        }
        let begun = Instant::now();
        idle.until_look().await;
        assert!(begun.elapsed() >= LATEST / 2);
    }

    #[tokio::test]
    async fn what_came_back_is_said_once() {
        let (work, idle) = (Work::default(), Idle::default());
        work.came_back();
        idle.until_wakeup(&work).await;
        assert!(work.take());
        assert!(!work.take());
    }
}
