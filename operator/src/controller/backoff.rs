//! Exponential backoff of failed reconciliations, per pipeline.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Consecutive failures by key.
#[derive(Debug)]
pub(super) struct Backoff<K> {
    failures: Mutex<HashMap<K, u32>>,
}

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self { failures: Mutex::default() }
    }
}

impl<K: Eq + Hash> Backoff<K> {
    /// Counts a failure and returns the pause before the next attempt.
    pub(super) fn failed(&self, key: K) -> Duration {
        let mut failures = self.lock();
        let before = failures.entry(key).or_default();
        let wait =
            2_u32.checked_pow(*before).map_or(LONGEST, |factor| FIRST.saturating_mul(factor).min(LONGEST));
        *before = before.saturating_add(1);
        wait
    }

    /// Returns the number of consecutive failures.
    pub(super) fn failures(&self, key: &K) -> u32 {
        self.lock().get(key).copied().unwrap_or_default()
    }

    /// Drops the failures of keys that no longer exist.
    pub(super) fn retain(&self, known: impl Fn(&K) -> bool) {
        self.lock().retain(|key, _| known(key));
    }

    /// Resets the failures.
    pub(super) fn succeeded(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_limit_and_resets_on_success() {
        let backoff = Backoff::default();
        let mut waits = (0..40).map(|_| backoff.failed("a").as_secs());
        assert_eq!(waits.by_ref().take(4).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(waits.last(), Some(300));
        assert_eq!(backoff.failed("b").as_secs(), 1);
        backoff.succeeded(&"a");
        assert_eq!(backoff.failed("a").as_secs(), 1);
    }

    #[test]
    fn drops_keys_that_no_longer_exist() {
        let backoff = Backoff::default();
        backoff.failed("deleted");
        backoff.failed("a");
        backoff.retain(|key| *key != "deleted");
        assert_eq!(backoff.lock().len(), 1);
    }
}
