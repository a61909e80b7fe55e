//! Settlements by what is done with them.

use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Completion, Failure};

use crate::attempt::{End, Settlement};

/// Settlements that are written down together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) completions: Vec<Completion>,
    /// Of each completion, when its event came from the database, and how long the attempt took.
    pub(super) times: Vec<(Instant, Duration)>,
    pub(super) failures: Vec<Failure>,
    pub(super) releases: Vec<Claimed>,
}

impl FromIterator<Settlement> for Batch {
    fn from_iter<T: IntoIterator<Item = Settlement>>(settlements: T) -> Self {
        let mut batch = Self::default();
        for Settlement { claim, end } in settlements {
            match end {
                End::Answer { value, arrived, took } => {
                    batch.completions.push(Completion { claim, value });
                    batch.times.push((arrived, took));
                }
                End::Failure { error, next } => batch.failures.push(Failure { claim, error, next }),
                End::GiveBack => batch.releases.push(claim),
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

    /// What it was made from, in another order.
    pub(super) fn into_settlements(self) -> impl Iterator<Item = Settlement> {
        let answers = self.completions.into_iter().zip(self.times).map(|(done, (arrived, took))| {
            Settlement { claim: done.claim, end: End::Answer { value: done.value, arrived, took } }
        });
        let failures = self.failures.into_iter().map(|failed| Settlement {
            claim: failed.claim,
            end: End::Failure { error: failed.error, next: failed.next },
        });
        let releases = self.releases.into_iter().map(|claim| Settlement { claim, end: End::GiveBack });
        answers.chain(failures).chain(releases)
    }
}
