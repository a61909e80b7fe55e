//! Pauses that double with each failure, spread by chance so that what failed together does not come back together.

use std::time::Duration;

/// `first`, doubled so many times, up to `most`.
pub(crate) fn doubled(first: Duration, most: Duration, doublings: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(doublings)).min(most)
}

/// Half of the pause for certain, the other half by `chance` (0 to 1).
pub(crate) fn jittered(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(0.5 + chance / 2.0)
}

/// The pauses between tries of what must succeed in the end, such as a statement while the database is away.
#[derive(Debug)]
pub(crate) struct Tries {
    failures: u32,
    most: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self { failures: 0, most: Duration::from_secs(5) }
    }
}

impl Tries {
    const FIRST: Duration = Duration::from_millis(100);

    /// Those of what keeps claims or ends them: when the database is back it must be there before a keeper frees what looks
    /// abandoned.
    pub(crate) fn prompt() -> Self {
        Self { failures: 0, most: Duration::from_millis(500) }
    }

    /// How long to wait after another failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let pause = doubled(Self::FIRST, self.most, self.failures);
        self.failures = self.failures.saturating_add(1);
        jittered(pause, rand::random())
    }

    /// How many failures there were since it succeeded.
    pub(crate) fn count(&self) -> u32 {
        self.failures
    }

    /// It succeeded: the next failure is a first one.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(10));
        let pauses: Vec<u64> = (0..6).map(|failures| doubled(first, most, failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(doubled(first, most, u32::MAX), most);
    }

    #[test]
    fn chance_takes_at_most_half_of_a_pause() {
        let pause = Duration::from_secs(2);
        assert_eq!(jittered(pause, 0.0), Duration::from_secs(1));
        assert_eq!(jittered(pause, 1.0), pause);
    }

    #[test]
    fn after_a_success_the_pauses_are_short_again() {
        for (mut tries, most) in [(Tries::default(), 5000), (Tries::prompt(), 500)] {
            let most = Duration::from_millis(most);
            for _ in 0..20 {
                assert!(tries.failed() <= most);
            }
            assert!(tries.failed() >= most / 2);
            tries.succeeded();
            assert!(tries.failed() <= Tries::FIRST);
        }
    }
}
