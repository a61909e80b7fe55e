//! The actions that occurred in the histories.

use std::collections::BTreeSet;

/// The actions that occurred, each with whether it was accepted.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeSet<(&'static str, bool)>);

impl Tally {
    pub(super) fn count(&mut self, what: &'static str, accepted: bool) {
        self.0.insert((what, accepted));
    }

    /// Returns the actions that have not occurred yet. Histories without them would prove nothing about them.
    pub(super) fn missing(&self) -> Vec<(&'static str, bool)> {
        const BOTH_WAYS: [&str; 7] =
            ["complete", "fail", "release", "extend", "cancel", "retry", "classic claim"];
        const DONE: [&str; 11] = [
            "wake-up",
            "poll",
            "idle",
            "claim",
            "reclaim to free",
            "reclaim to dead",
            "classic complete",
            "remove",
            "remove untimed",
            "block",
            "unblock",
        ];
        let refused = BOTH_WAYS.map(|what| (what, false));
        let done = BOTH_WAYS.iter().chain(&DONE).map(|what| (*what, true));
        refused.into_iter().chain(done).filter(|happened| !self.0.contains(happened)).collect()
    }
}
