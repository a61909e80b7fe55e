//! The result of a check, and its report.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use super::Violation;

/// Violations that the report shows in full.
const SHOWN: usize = 50;

/// The columns of the report: a name for the violations of each promise.
const PROMISES: [(&str, &str); 9] = [
    ("lost", "I1"),
    ("duplicated", "I2"),
    ("value changed", "I3"),
    ("fence broken", "I4"),
    ("stuck", "I5"),
    ("wrong response", "I6"),
    ("miscounted", "I7"),
    ("blocked by others", "I8"),
    ("undocumented", "API"),
];

/// The result of a check.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Number of events whose id a client received.
    pub acknowledged: usize,
    /// Number of events in the tables.
    pub stored: usize,
    /// Number of finished events that were removed.
    pub removed: usize,
    /// Number of done, dead and cancelled events.
    pub finished: [usize; 3],
    /// Number of compared responses to create-sync.
    pub answers: usize,
    /// Number of events with more than one handler call, which is allowed.
    pub handled_again: usize,
    /// Number of requests with an unknown outcome.
    pub unknown: u64,
    /// Number of requests that were refused.
    pub refused: u64,
    /// Number of responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Number of waiting requests that were answered, and of those that were cut off.
    pub waits: [u64; 2],
    /// Number of compared queue statistics.
    pub stats: usize,
    /// Number of compared reads of acknowledged events.
    pub reads: usize,
    /// Seconds until every event had ended, for each quiet phase.
    pub idle_after_seconds: Vec<Option<u64>>,
    /// Every broken promise.
    pub violations: Vec<Violation>,
}

impl Display for Verdict {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        self.write_counts(out)?;
        for (name, promise) in PROMISES {
            let count = self.violations.iter().filter(|violation| violation.promise == promise).count();
            writeln!(out, "{name:<18} {count:>8}   {promise}")?;
        }
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(out, "VIOLATION {}: {}", violation.promise, violation.detail)?;
        }
        Ok(())
    }
}

impl Verdict {
    fn write_counts(&self, out: &mut Formatter<'_>) -> Result {
        let [done, dead, cancelled] = self.finished;
        let [answered, cut] = self.waits;
        let statuses: Vec<String> =
            self.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        let idle = &self.idle_after_seconds;
        let mut line = |name: &str, count: u64, more: &str| writeln!(out, "{name:<18} {count:>8}   {more}");
        let unknown = format!("unknown {}, refused {}", self.unknown, self.refused);
        line("acknowledged", self.acknowledged as u64, &unknown)?;
        let removed =
            format!("and removed {}; done {done}, dead {dead}, cancelled {cancelled}", self.removed);
        line("stored", self.stored as u64, &removed)?;
        line("waits ended", answered + cut, &format!("answered {answered}, cut off {cut}"))?;
        line("responses", self.statuses.values().sum(), &statuses.join(", "))?;
        line("statistics read", self.stats as u64, "")?;
        line("reads compared", self.reads as u64, "")?;
        line("quiet phases", idle.len() as u64, &format!("seconds until idle {idle:?}"))?;
        line("values compared", self.answers as u64, "")?;
        line("handled again", self.handled_again as u64, "(allowed: at least once)")
    }
}
