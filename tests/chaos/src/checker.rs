//! Compares a history with the promises. The comparison is pure, so that tests can give it broken histories.

mod claims;
mod creations;
mod values;
mod verdict;

use std::collections::HashMap;

use crate::history::{FinalState, History, Row};

pub use verdict::Verdict;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// I1 to I8 as in ARCHITECTURE.md, or `API` for the documentation of responses.
    pub promise: &'static str,
    /// The observation that contradicts it.
    pub detail: String,
}

/// The history and the tables, indexed for the checks.
struct Evidence<'a> {
    history: &'a History,
    end: &'a FinalState,
    /// Every event, stored or removed, in the order of creation.
    all: Vec<&'a Row>,
    by_id: HashMap<i64, &'a Row>,
}

impl<'a> Evidence<'a> {
    fn new(history: &'a History, end: &'a FinalState) -> Self {
        let mut all: Vec<&Row> = end.rows.iter().chain(&end.removed).collect();
        all.sort_unstable_by_key(|row| row.id);
        let by_id = all.iter().map(|row| (row.id, *row)).collect();
        Self { history, end, all, by_id }
    }
}

#[derive(Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, promise: &'static str, detail: String) {
        self.0.push(Violation { promise, detail });
    }
}

/// Compares the observations of clients with the final tables.
pub fn check(history: &History, end: &FinalState) -> Verdict {
    let evidence = Evidence::new(history, end);
    let mut violations = Violations::default();
    creations::check(&evidence, &mut violations);
    values::check(&evidence, &mut violations);
    claims::check(&evidence, &mut violations);
    api(history, &mut violations);
    let in_state = |state| evidence.all.iter().filter(|row| row.state == state).count();
    Verdict {
        acknowledged: history.acknowledged.iter().map(|creation| creation.ids.len()).sum(),
        stored: end.rows.len(),
        removed: end.removed.len(),
        finished: [2, 3, 4].map(in_state),
        answers: history.answers.len(),
        handled_again: history.handled.values().filter(|times| times.len() > 1).count(),
        unknown: history.unknown,
        refused: history.refused,
        statuses: history.statuses.clone(),
        waits: history.waits,
        stats: history.stats.len(),
        reads: history.reads.len(),
        idle_after_seconds: history.quiet_phases.iter().map(|phase| phase.idle_after_seconds).collect(),
        violations: violations.0,
    }
}

/// Every response is documented, and every wait ends.
fn api(history: &History, violations: &mut Violations) {
    for answer in &history.undocumented {
        violations.add("API", answer.clone());
    }
    for mark in &history.waiting {
        violations.add("API", format!("create-sync of {mark} was neither answered nor cut off"));
    }
}

#[cfg(test)]
mod tests;
