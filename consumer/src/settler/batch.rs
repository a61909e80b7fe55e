//! Settlements, grouped by operation.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Completion, Failure};

use crate::attempt::{Outcome, Settlement};
use crate::claim_key::{ClaimKey, key, superseded};

/// Settlements that are written together, at most one of each event.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) completions: Vec<Completion>,
    /// For each completion, the time when its event arrived, and the duration of the attempt.
    pub(super) times: Vec<(Instant, Duration)>,
    pub(super) failures: Vec<Failure>,
    pub(super) releases: Vec<Claimed>,
}

/// Splits off the settlements of events that this consumer has claimed again: only the last claim of an event
/// can hold.
pub(super) fn without_superseded(settlements: Vec<Settlement>) -> (Vec<Settlement>, HashSet<ClaimKey>) {
    let superseded = superseded(settlements.iter().map(|settlement| &settlement.claim));
    let mut settlements = settlements;
    if !superseded.is_empty() {
        settlements.retain(|settlement| !superseded.contains(&key(&settlement.claim)));
    }
    (settlements, superseded)
}

impl FromIterator<Settlement> for Batch {
    fn from_iter<T: IntoIterator<Item = Settlement>>(settlements: T) -> Self {
        let mut batch = Self::default();
        for Settlement { claim, outcome } in settlements {
            match outcome {
                Outcome::Complete { value, arrived, took } => {
                    batch.completions.push(Completion { claim, value });
                    batch.times.push((arrived, took));
                }
                Outcome::Fail { error, next } => batch.failures.push(Failure { claim, error, next }),
                Outcome::Release => batch.releases.push(claim),
            }
        }
        batch
    }
}

impl Batch {
    pub(super) fn claims(&self) -> impl Iterator<Item = &Claimed> {
        let completed = self.completions.iter().map(|completion| &completion.claim);
        let failed = self.failures.iter().map(|failure| &failure.claim);
        completed.chain(failed).chain(&self.releases)
    }

    /// Returns the settlements of the batch, in another order.
    pub(super) fn into_settlements(self) -> impl Iterator<Item = Settlement> {
        let completions = self.completions.into_iter().zip(self.times).map(|(done, (arrived, took))| {
            Settlement { claim: done.claim, outcome: Outcome::Complete { value: done.value, arrived, took } }
        });
        let failures = self.failures.into_iter().map(|failed| Settlement {
            claim: failed.claim,
            outcome: Outcome::Fail { error: failed.error, next: failed.next },
        });
        let releases = self.releases.into_iter().map(|claim| Settlement { claim, outcome: Outcome::Release });
        completions.chain(failures).chain(releases)
    }
}

#[cfg(test)]
mod tests {
    use eventpipeline_database::EventId;

    use super::*;
    use crate::claim_key::test_claim;

    fn release(id: i64, token: i64) -> Settlement {
        Settlement { claim: test_claim(id, token), outcome: Outcome::Release }
    }

    /// The database accepts one of the two, and its answer does not tell which one.
    #[test]
    fn a_batch_has_only_the_last_claim_of_an_event() {
        let (left, superseded) = without_superseded(vec![release(1, 1), release(2, 1), release(1, 2)]);
        let keys: Vec<_> = left.iter().map(|settlement| key(&settlement.claim)).collect();
        let event = |id| EventId::new(id).unwrap();
        assert_eq!(keys, [(event(2), 1), (event(1), 2)]);
        assert_eq!(superseded, HashSet::from([(event(1), 1)]));
    }
}
