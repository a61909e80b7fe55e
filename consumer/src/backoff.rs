//! Exponential backoff with jitter, so that operations that failed together are not retried together.

use std::time::Duration;

/// Returns `first` doubled `doublings` times, but at most `most`.
pub(crate) fn doubled(first: Duration, most: Duration, doublings: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(doublings)).min(most)
}

/// Returns the pause with jitter: half of it plus the other half times `chance` (0 to 1).
pub(crate) fn jittered(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(0.5 + chance / 2.0)
}

/// The backoff of an operation that is retried until it succeeds, such as a statement while the database is
/// unavailable.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { failures: 0, most: Duration::from_secs(5) }
    }
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);

    /// Creates the backoff of operations that extend or settle claims: when the database is available again,
    /// they must succeed before a reclaimer frees the claims.
    pub(crate) fn prompt() -> Self {
        Self { failures: 0, most: Duration::from_millis(500) }
    }

    /// Counts a failure and returns the pause after it.
    pub(crate) fn failed(&mut self) -> Duration {
        let pause = doubled(Self::FIRST, self.most, self.failures);
        self.failures = self.failures.saturating_add(1);
        jittered(pause, rand::random())
    }

    /// Returns the number of failures since the last success.
    pub(crate) fn count(&self) -> u32 {
        self.failures
    }

    /// Resets the backoff after a success.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(10));
        let pauses: Vec<u64> = (0..6).map(|failures| doubled(first, most, failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(doubled(first, most, u32::MAX), most);
    }

    #[test]
    fn jitter_removes_at_most_half_of_a_pause() {
        let pause = Duration::from_secs(2);
        assert_eq!(jittered(pause, 0.0), Duration::from_secs(1));
        assert_eq!(jittered(pause, 1.0), pause);
    }

    #[test]
    fn a_success_resets_the_pauses() {
        for (mut backoff, most) in [(Backoff::default(), 5000), (Backoff::prompt(), 500)] {
            let most = Duration::from_millis(most);
            for _ in 0..20 {
                assert!(backoff.failed() <= most);
            }
            assert!(backoff.failed() >= most / 2);
            backoff.succeeded();
            assert!(backoff.failed() <= Backoff::FIRST);
        }
    }
}
