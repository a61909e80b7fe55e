//! Each promise is broken once, and the checker reports it.

use crate::history::{Acknowledged, Moment, QuietPhase, Read, Sample, StatsSample};

use super::*;

fn row(id: i64, valor: &str) -> Row {
    let state = if valor.is_empty() { 0 } else { 2 };
    let (mark, valor) = (Some(format!("m{id}")), valor.to_owned());
    Row { id, state, valor, mark, attempts: 1, token: 1, created: 10 * id, removed: None }
}

fn good() -> (History, FinalState) {
    let acknowledged =
        (1..=3).map(|id| Acknowledged { ids: vec![id], marks: vec![format!("m{id}")], key: None }).collect();
    let history = History { acknowledged, ..History::default() };
    let rows = (1..=3).map(|id| row(id, "palavra")).collect();
    (history, FinalState { rows, removed: Vec::new(), counter: 3, removed_count: 0, events: 3 })
}

/// Removes an event as the retention does.
fn remove_the_second(end: &mut FinalState) {
    let row = end.rows.remove(1);
    end.removed.push(Row { removed: Some(25), ..row });
    end.removed_count = 1;
}

/// A client repeats the key of the second event after its removal, and so creates the third.
fn repeat_the_second(history: &mut History, end: &mut FinalState) {
    remove_the_second(end);
    let key = Some("key".to_owned());
    history.acknowledged[1].key.clone_from(&key);
    history.acknowledged[2] = Acknowledged { ids: vec![3], marks: vec!["m2".to_owned()], key };
    end.rows[1].mark = Some("m2".to_owned());
}

fn read(id: i64, at: Moment, valor: Option<&str>) -> Read {
    Read { id, asked: at, answered: at + 1, valor: valor.map(str::to_owned) }
}

#[track_caller]
fn broken(promise: &str, change: impl FnOnce(&mut History, &mut FinalState)) {
    let (mut history, mut end) = good();
    change(&mut history, &mut end);
    let violations = check(&history, &end).violations;
    assert!(violations.iter().any(|violation| violation.promise == promise), "{violations:?}");
}

#[test]
fn a_history_that_keeps_every_promise_is_clean() {
    let (mut history, end) = good();
    history.answers.push(("m1".to_owned(), "palavra".to_owned()));
    history.reads.push(read(1, 10, Some("")));
    history.reads.push(read(1, 20, Some("palavra")));
    // This request was sent before that response arrived.
    history.reads.push(read(1, 20, Some("")));
    history.handled.insert(1, vec![10, 30]);
    history.probes.push(true);
    history.quiet_phases.push(QuietPhase { from: 20, to: 40, idle_after_seconds: Some(1) });
    history.samples.push(Sample { id: 1, token: 0, valor: String::new() });
    let verdict = check(&history, &end);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.acknowledged, verdict.handled_again, verdict.finished), (3, 1, [3, 0, 0]));
}

#[test]
fn removed_events_keep_their_state() {
    let (mut history, mut end) = good();
    history.answers.push(("m2".to_owned(), "palavra".to_owned()));
    history.stats.push(StatsSample { created: 3, in_states: 2, removed: 1 });
    history.reads.push(read(2, 30, None));
    remove_the_second(&mut end);
    let verdict = check(&history, &end);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.stored, verdict.removed, verdict.finished), (2, 1, [3, 0, 0]));
}

#[test]
fn a_key_is_forgotten_with_its_event() {
    let (mut history, mut end) = good();
    repeat_the_second(&mut history, &mut end);
    assert_eq!(check(&history, &end).violations, []);
    end.removed[0].removed = Some(35);
    let promises: Vec<_> = check(&history, &end).violations.iter().map(|it| it.promise).collect();
    assert_eq!(promises, ["I2", "I2"], "the responses, and the events");
}

#[test]
fn every_broken_promise_is_reported() {
    broken("I1", |_, end| end.rows.retain(|row| row.id != 2));
    broken("I1", |_, end| {
        end.rows.retain(|row| row.id != 2);
        end.removed_count = 1;
    });
    broken("I1", |_, end| {
        remove_the_second(end);
        end.removed[0].mark = Some("another".to_owned());
    });
    broken("I1", |_, end| end.rows[0].mark = Some("another".to_owned()));
    broken("I2", |history, _| {
        history.acknowledged[1].ids = vec![1];
    });
    broken("I2", |_, end| end.counter = 4);
    broken("I2", |_, end| end.events = 2);
    broken("I2", |history, _| {
        for creation in &mut history.acknowledged {
            creation.key = Some("key".to_owned());
        }
    });
    broken("I2", |_, end| {
        end.rows.push(Row { mark: Some("m1".to_owned()), ..row(4, "palavra") });
    });
    broken("I3", |history, _| {
        history.samples.push(Sample { id: 1, token: 1, valor: "outra".to_owned() });
    });
    broken("I3", |history, _| history.reads.push(read(1, 10, Some("outra"))));
    broken("I4", |history, _| {
        history.samples.push(Sample { id: 1, token: 2, valor: String::new() });
    });
    broken("I4", |_, end| {
        end.rows[0].valor = "attempt 1 of 1".to_owned();
        end.rows[0].attempts = 2;
    });
    broken("I5", |_, end| end.rows[0].state = 1);
}

#[test]
fn broken_promises_about_removed_events_statistics_and_responses_are_reported() {
    broken("I3", |history, end| {
        remove_the_second(end);
        history.reads.push(read(2, 10, Some("outra")));
    });
    broken("I7", |_, end| {
        remove_the_second(end);
        end.removed_count = 2;
    });
    broken("I7", |_, end| {
        remove_the_second(end);
        end.removed[0].state = 1;
    });
    broken("I7", |history, _| history.stats.push(StatsSample { created: 3, in_states: 2, removed: 0 }));
    broken("I7", |history, _| {
        history.stats.push(StatsSample { created: 3, in_states: 2, removed: 1 });
        history.stats.push(StatsSample { created: 2, in_states: 1, removed: 1 });
    });
    broken("API", |history, _| history.undocumented.push("GET /1: 500 internal".to_owned()));
    broken("API", |history, _| history.waiting = ["m1".to_owned()].into());
    broken("I6", |history, _| history.answers.push(("m1".to_owned(), "outra".to_owned())));
    broken("I6", |history, _| history.answers.push(("m9".to_owned(), "palavra".to_owned())));
}

#[test]
fn stale_reads_and_disturbed_quiet_phases_are_reported() {
    broken("I3", |history, _| {
        history.reads.push(read(1, 10, Some("palavra")));
        history.reads.push(read(1, 12, Some("")));
    });
    broken("I3", |history, _| {
        history.handled.insert(1, vec![20, 30]);
        history.quiet_phases.push(QuietPhase { from: 20, to: 40, idle_after_seconds: Some(1) });
    });
    broken("I5", |history, _| {
        history.quiet_phases.push(QuietPhase { from: 20, to: 40, idle_after_seconds: None });
    });
    broken("I1", |history, _| history.reads.push(read(1, 10, None)));
    broken("I1", |history, end| {
        remove_the_second(end);
        history.reads.push(read(2, 10, None));
    });
    broken("I1", |history, _| history.told_removed.push((1, 10)));
    broken("I8", |history, _| history.probes.extend([true, false]));
}
