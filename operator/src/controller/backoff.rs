//! How long to wait after a failure: longer with each one in a row, for each pipeline by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Failures in a row.
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
    /// Counts a failure and says how long to wait.
    pub(super) fn failed(&self, key: K) -> Duration {
        let mut failures = self.lock();
        let before = failures.entry(key).or_default();
        let wait =
            2_u32.checked_pow(*before).map_or(LONGEST, |factor| FIRST.saturating_mul(factor).min(LONGEST));
        *before = before.saturating_add(1);
        wait
    }

    /// How often it has failed in a row.
    pub(super) fn failures(&self, key: &K) -> u32 {
        self.lock().get(key).copied().unwrap_or_default()
    }

    /// Forgets the failures of what is not known any more.
    pub(super) fn retain(&self, known: impl Fn(&K) -> bool) {
        self.lock().retain(|key, _| known(key));
    }

    /// Forgets the failures.
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
    fn waits_longer_with_each_failure_up_to_a_limit_and_starts_over() {
        let backoff = Backoff::default();
        let mut waits = (0..40).map(|_| backoff.failed("a").as_secs());
        assert_eq!(waits.by_ref().take(4).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(waits.last(), Some(300));
        assert_eq!(backoff.failed("b").as_secs(), 1);
        backoff.succeeded(&"a");
        assert_eq!(backoff.failed("a").as_secs(), 1);
    }

    #[test]
    fn forgets_what_is_gone() {
        let backoff = Backoff::default();
        backoff.failed("deleted");
        backoff.failed("a");
        backoff.retain(|key| *key != "deleted");
        assert_eq!(backoff.lock().len(), 1);
    }
}
