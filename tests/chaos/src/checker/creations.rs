//! I1, I2 and I7: creations are stored once, and every event is counted.

use std::collections::BTreeMap;

use super::{Evidence, Violations};
use crate::history::{Row, StatsSample};

pub(super) fn check(evidence: &Evidence<'_>, violations: &mut Violations) {
    existence(evidence, violations);
    ids(evidence, violations);
    marks(evidence, violations);
    counts(evidence, violations);
    statistics(&evidence.history.stats, violations);
}

/// I1: an acknowledged event exists with its payload, or existed until it was removed.
fn existence(evidence: &Evidence<'_>, violations: &mut Violations) {
    for creation in &evidence.history.acknowledged {
        for (id, mark) in creation.ids.iter().zip(&creation.marks) {
            match evidence.by_id.get(id) {
                None => violations.add("I1", format!("event {id} ({mark}) was acknowledged and is lost")),
                Some(row) if row.mark.as_ref() != Some(mark) => {
                    violations
                        .add("I1", format!("event {id} was created with {mark} and holds {:?}", row.mark));
                }
                Some(_) => {}
            }
        }
    }
}

/// Returns true if the first event was removed before the second was created: both may have had the same key.
fn gone_before(earlier: &Row, later: &Row) -> bool {
    earlier.removed.is_some_and(|removed| removed < later.created)
}

/// I2: ids are distinct, and a key has one set of them.
fn ids(evidence: &Evidence<'_>, violations: &mut Violations) {
    let first = |ids: &[i64]| evidence.by_id.get(ids.first()?).copied();
    let one_after_another = |some: &[i64], others: &[i64]| {
        first(some)
            .zip(first(others))
            .is_some_and(|(one, other)| gone_before(one, other) || gone_before(other, one))
    };
    let mut owners: BTreeMap<i64, &str> = BTreeMap::new();
    let mut keys: BTreeMap<&str, &[i64]> = BTreeMap::new();
    for creation in &evidence.history.acknowledged {
        for (id, mark) in creation.ids.iter().zip(&creation.marks) {
            if let Some(other) = owners.insert(*id, mark)
                && other != mark
            {
                violations.add("I2", format!("id {id} was returned for {other} and for {mark}"));
            }
        }
        if let Some(key) = &creation.key
            && let Some(other) = keys.insert(key, &creation.ids)
            && other != creation.ids
            && !one_after_another(other, &creation.ids)
        {
            violations
                .add("I2", format!("key {key} was answered with {other:?} and with {:?}", creation.ids));
        }
    }
}

/// I2: an event is stored once. Clients send a mark in one request, or repeat the request with the same key.
fn marks(evidence: &Evidence<'_>, violations: &mut Violations) {
    let mut marks: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in &evidence.all {
        if let Some(mark) = &row.mark
            && let Some(other) = marks.insert(mark, row)
            && !gone_before(other, row)
        {
            violations.add("I2", format!("{mark} was stored twice: {} and {}", other.id, row.id));
        }
    }
}

/// I2: the counter is the number of events. I7: every event was finished before it was removed, and was counted.
fn counts(evidence: &Evidence<'_>, violations: &mut Violations) {
    let end = evidence.end;
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let (known, removed) = (number(evidence.all.len()), number(end.removed.len()));
    if end.counter != known || end.events != end.counter {
        violations
            .add("I2", format!("{known} events, {} counted ids, GET / returned {}", end.counter, end.events));
    }
    if removed != end.removed_count {
        violations.add("I7", format!("{removed} events were removed, and {} are counted", end.removed_count));
    }
    for row in end.removed.iter().filter(|row| !row.has_ended()) {
        violations.add("I7", format!("event {} was removed in state {}", row.id, row.state));
    }
}

/// I7: queue statistics add up, and their totals never decrease.
fn statistics(samples: &[StatsSample], violations: &mut Violations) {
    let mut before = StatsSample { created: 0, in_states: 0, removed: 0 };
    for sample in samples {
        if sample.created != sample.in_states + sample.removed {
            violations.add("I7", format!("the statistics do not add up: {sample:?}"));
        }
        if sample.created < before.created || sample.removed < before.removed {
            violations.add("I7", format!("{before:?} became {sample:?}"));
        }
        before = *sample;
    }
}
