//! I1, I3 and I6: reads find acknowledged events, and a value never changes.

use std::collections::HashMap;

use super::{Evidence, Violations};
use crate::history::Moment;

pub(super) fn check(evidence: &Evidence<'_>, violations: &mut Violations) {
    values(evidence, violations);
    missing_events(evidence, violations);
    missing_values(evidence, violations);
    answers(evidence, violations);
}

/// I3: a value never changes once a client has read it.
fn values(evidence: &Evidence<'_>, violations: &mut Violations) {
    let samples = evidence.history.samples.iter().map(|sample| (sample.id, &sample.valor));
    let reads = evidence.history.reads.iter().filter_map(|read| Some((read.id, read.valor.as_ref()?)));
    for (id, seen) in samples.chain(reads) {
        let last = evidence.by_id.get(&id).map_or("", |row| &row.valor);
        if !seen.is_empty() && seen != last {
            violations.add("I3", format!("the value of event {id} was {seen:?} and became {last:?}"));
        }
    }
}

/// I1: clients find an acknowledged event until it is removed.
fn missing_events(evidence: &Evidence<'_>, violations: &mut Violations) {
    let history = evidence.history;
    let missing = history.reads.iter().filter(|read| read.valor.is_none());
    let missing = missing.map(|read| (read.id, read.answered)).chain(history.told_removed.iter().copied());
    for (id, answered) in missing {
        let removed = evidence.by_id.get(&id).and_then(|row| row.removed);
        if removed.is_none_or(|removed| removed > answered) {
            violations.add("I1", format!("event {id} was acknowledged, and a client did not find it"));
        }
    }
}

/// I3: a value that a client has read is not missing in a later response.
fn missing_values(evidence: &Evidence<'_>, violations: &mut Violations) {
    let reads = || evidence.history.reads.iter().filter_map(|read| Some((read, read.valor.as_ref()?)));
    let mut seen: HashMap<i64, Moment> = HashMap::new();
    for (read, _) in reads().filter(|(_, valor)| !valor.is_empty()) {
        let first = seen.entry(read.id).or_insert(read.answered);
        *first = read.answered.min(*first);
    }
    for (read, _) in reads().filter(|(_, valor)| valor.is_empty()) {
        if seen.get(&read.id).is_some_and(|first| *first < read.asked) {
            violations.add("I3", format!("the value of event {} was read, and was missing later", read.id));
        }
    }
}

/// I6: the response to create-sync is the stored value.
fn answers(evidence: &Evidence<'_>, violations: &mut Violations) {
    let stored: HashMap<&str, &str> =
        evidence.all.iter().filter_map(|row| Some((row.mark.as_deref()?, row.valor.as_str()))).collect();
    for (mark, valor) in &evidence.history.answers {
        let last = stored.get(mark.as_str());
        if last != Some(&valor.as_str()) {
            violations.add("I6", format!("{mark} was answered with {valor:?} and is stored with {last:?}"));
        }
    }
}
