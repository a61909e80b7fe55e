//! I3, I4, I5 and I8: claims are fenced, and every event ends in time.

use std::collections::HashMap;

use super::{Evidence, Violations};

pub(super) fn check(evidence: &Evidence<'_>, violations: &mut Violations) {
    tokens(evidence, violations);
    fences(evidence, violations);
    ends(evidence, violations);
    quiet_phases(evidence, violations);
    probes(evidence, violations);
}

/// I4: an event's token never decreases.
fn tokens(evidence: &Evidence<'_>, violations: &mut Violations) {
    let mut greatest: HashMap<i64, i64> = HashMap::new();
    let last = evidence.all.iter().map(|row| (row.id, row.token));
    for (id, token) in evidence.history.samples.iter().map(|sample| (sample.id, sample.token)).chain(last) {
        let before = greatest.entry(id).or_insert(token);
        if token < *before {
            violations.add("I4", format!("the token of event {id} was {before} and became {token}"));
        }
        *before = token;
    }
}

/// I4: only the last claim can complete an event. The handler's values name their attempt.
fn fences(evidence: &Evidence<'_>, violations: &mut Violations) {
    for row in evidence.all.iter().filter(|row| row.state == 2) {
        let attempt =
            row.valor.strip_prefix("attempt ").and_then(|attempt| attempt.split(' ').next()?.parse().ok());
        if attempt.is_some_and(|attempt: i32| attempt != row.attempts) {
            let (id, attempts, valor) = (row.id, row.attempts, &row.valor);
            violations.add("I4", format!("event {id} had {attempts} attempts and has the value {valor:?}"));
        }
    }
}

/// I5: every event ends.
fn ends(evidence: &Evidence<'_>, violations: &mut Violations) {
    for row in evidence.end.rows.iter().filter(|row| !row.has_ended()) {
        violations.add("I5", format!("event {} is stuck in state {}", row.id, row.state));
    }
}

/// I5: without faults every event ends within a limit. I3: without faults no event is handled twice.
fn quiet_phases(evidence: &Evidence<'_>, violations: &mut Violations) {
    for phase in &evidence.history.quiet_phases {
        if phase.idle_after_seconds.is_none() {
            violations.add("I5", "events were unfinished at the end of a quiet phase".to_owned());
        }
        for (id, handled) in &evidence.history.handled {
            let within = handled.iter().filter(|at| (phase.from..phase.to).contains(*at)).count();
            if within > 1 {
                violations.add("I3", format!("event {id} was handled {within} times in a quiet phase"));
            }
        }
    }
}

/// I8: locks of foreign transactions do not delay other events.
fn probes(evidence: &Evidence<'_>, violations: &mut Violations) {
    for _ in evidence.history.probes.iter().filter(|done| !**done) {
        violations.add("I8", "an event was not done while a foreign transaction locked others".to_owned());
    }
}
