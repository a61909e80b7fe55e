//! What the histories did.

use std::collections::BTreeSet;

/// What was done, and what was refused.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeSet<(&'static str, bool)>);

impl Tally {
    pub(super) fn count(&mut self, what: &'static str, accepted: bool) {
        self.0.insert((what, accepted));
    }

    /// What has not happened yet. Histories that never did a thing, or were never refused it, prove nothing of it.
    pub(super) fn missing(&self) -> Vec<(&'static str, bool)> {
        const BOTH_WAYS: [&str; 7] =
            ["complete", "fail", "release", "extend", "cancel", "retry", "classic claim"];
        const DONE: [&str; 9] = [
            "wakeup",
            "poll",
            "idle",
            "claim",
            "reclaim to free",
            "reclaim to dead",
            "classic complete",
            "remove",
            "remove untimed",
        ];
        let refused = BOTH_WAYS.map(|what| (what, false));
        let done = BOTH_WAYS.iter().chain(&DONE).map(|what| (*what, true));
        refused.into_iter().chain(done).filter(|happened| !self.0.contains(happened)).collect()
    }
}
