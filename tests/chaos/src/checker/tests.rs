//! Each promise is broken once, and the checker sees it.

use crate::history::{Acknowledged, Calm, Read, Sample};

use super::*;

fn row(id: i64, valor: &str) -> Row {
    let state = if valor.is_empty() { 0 } else { 2 };
    let (mark, valor) = (Some(format!("m{id}")), valor.to_owned());
    Row { id, state, valor, mark, attempts: 1, token: 1, created: 10 * id, removed: None }
}

fn good() -> (History, Rest) {
    let acknowledged =
        (1..=3).map(|id| Acknowledged { ids: vec![id], marks: vec![format!("m{id}")], key: None }).collect();
    let history = History { acknowledged, ..History::default() };
    let rows = (1..=3).map(|id| row(id, "palavra")).collect();
    (history, Rest { rows, gone: Vec::new(), counter: 3, removed: 0, events: 3 })
}

/// As the retention does it.
fn remove_the_second(rest: &mut Rest) {
    let row = rest.rows.remove(1);
    rest.gone.push(Row { removed: Some(25), ..row });
    rest.removed = 1;
}

/// A client goes on with the key of the second after that was removed, and so creates the third.
fn repeat_the_second(history: &mut History, rest: &mut Rest) {
    remove_the_second(rest);
    let key = Some("key".to_owned());
    history.acknowledged[1].key.clone_from(&key);
    history.acknowledged[2] = Acknowledged { ids: vec![3], marks: vec!["m2".to_owned()], key };
    rest.rows[1].mark = Some("m2".to_owned());
}

fn read(id: i64, at: Moment, valor: Option<&str>) -> Read {
    Read { id, asked: at, answered: at + 1, valor: valor.map(str::to_owned) }
}

#[track_caller]
fn broken(promise: &str, change: impl FnOnce(&mut History, &mut Rest)) {
    let (mut history, mut rest) = good();
    change(&mut history, &mut rest);
    let violations = check(&history, &rest).violations;
    assert!(violations.iter().any(|violation| violation.promise == promise), "{violations:?}");
}

#[test]
fn a_history_that_keeps_every_promise_is_clean() {
    let (mut history, rest) = good();
    history.answers.push(("m1".to_owned(), "palavra".to_owned()));
    history.reads.push(read(1, 10, Some("")));
    history.reads.push(read(1, 20, Some("palavra")));
    // Asked before that answer was there.
    history.reads.push(read(1, 20, Some("")));
    history.handled.insert(1, vec![10, 30]);
    history.probes.push(true);
    history.calms.push(Calm { from: 20, to: 40, rest_seconds: Some(1) });
    history.samples.push(Sample { id: 1, token: 0, valor: String::new() });
    let verdict = check(&history, &rest);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.acknowledged, verdict.handled_again, verdict.finished), (3, 1, [3, 0, 0]));
}

#[test]
fn what_was_removed_counts_as_what_it_was() {
    let (mut history, mut rest) = good();
    history.answers.push(("m2".to_owned(), "palavra".to_owned()));
    history.ledgers.push(Ledger { created: 3, in_states: 2, removed: 1 });
    history.reads.push(read(2, 30, None));
    remove_the_second(&mut rest);
    let verdict = check(&history, &rest);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.stored, verdict.removed, verdict.finished), (2, 1, [3, 0, 0]));
}

#[test]
fn a_key_is_forgotten_with_its_event() {
    let (mut history, mut rest) = good();
    repeat_the_second(&mut history, &mut rest);
    assert_eq!(check(&history, &rest).violations, []);
    rest.gone[0].removed = Some(35);
    let promises: Vec<_> = check(&history, &rest).violations.iter().map(|it| it.promise).collect();
    assert_eq!(promises, ["I2", "I2"], "the answers, and the events");
}

#[test]
fn every_broken_promise_is_seen() {
    broken("I1", |_, rest| rest.rows.retain(|row| row.id != 2));
    broken("I1", |_, rest| {
        rest.rows.retain(|row| row.id != 2);
        rest.removed = 1;
    });
    broken("I1", |_, rest| {
        remove_the_second(rest);
        rest.gone[0].mark = Some("another".to_owned());
    });
    broken("I1", |_, rest| rest.rows[0].mark = Some("another".to_owned()));
    broken("I2", |history, _| {
        history.acknowledged[1].ids = vec![1];
    });
    broken("I2", |_, rest| rest.counter = 4);
    broken("I2", |_, rest| rest.events = 2);
    broken("I2", |history, _| {
        for creation in &mut history.acknowledged {
            creation.key = Some("key".to_owned());
        }
    });
    broken("I2", |history, rest| {
        history.acknowledged[0].key = Some("key".to_owned());
        rest.rows.push(Row { mark: Some("m1".to_owned()), ..row(4, "palavra") });
    });
    broken("I3", |history, _| {
        history.samples.push(Sample { id: 1, token: 1, valor: "outra".to_owned() });
    });
    broken("I3", |history, _| history.reads.push(read(1, 10, Some("outra"))));
    broken("I4", |history, _| {
        history.samples.push(Sample { id: 1, token: 2, valor: String::new() });
    });
    broken("I4", |_, rest| {
        rest.rows[0].valor = "attempt 1 of 1".to_owned();
        rest.rows[0].attempts = 2;
    });
    broken("I5", |_, rest| rest.rows[0].state = 1);
}

#[test]
fn a_broken_promise_about_removed_events_figures_and_answers_is_seen() {
    broken("I3", |history, rest| {
        remove_the_second(rest);
        history.reads.push(read(2, 10, Some("outra")));
    });
    broken("I7", |_, rest| {
        remove_the_second(rest);
        rest.removed = 2;
    });
    broken("I7", |_, rest| {
        remove_the_second(rest);
        rest.gone[0].state = 1;
    });
    broken("I7", |history, _| history.ledgers.push(Ledger { created: 3, in_states: 2, removed: 0 }));
    broken("I7", |history, _| {
        history.ledgers.push(Ledger { created: 3, in_states: 2, removed: 1 });
        history.ledgers.push(Ledger { created: 2, in_states: 1, removed: 1 });
    });
    broken("API", |history, _| history.undocumented.push("GET /1: 500 internal".to_owned()));
    broken("API", |history, _| history.waiting = ["m1".to_owned()].into());
    broken("I6", |history, _| history.answers.push(("m1".to_owned(), "outra".to_owned())));
    broken("I6", |history, _| history.answers.push(("m9".to_owned(), "palavra".to_owned())));
}

#[test]
fn a_read_that_goes_back_and_a_time_of_calm_that_is_none_are_seen() {
    broken("I3", |history, _| {
        history.reads.push(read(1, 10, Some("palavra")));
        history.reads.push(read(1, 12, Some("")));
    });
    broken("I3", |history, _| {
        history.handled.insert(1, vec![20, 30]);
        history.calms.push(Calm { from: 20, to: 40, rest_seconds: Some(1) });
    });
    broken("I5", |history, _| history.calms.push(Calm { from: 20, to: 40, rest_seconds: None }));
    broken("I1", |history, _| history.reads.push(read(1, 10, None)));
    broken("I1", |history, rest| {
        remove_the_second(rest);
        history.reads.push(read(2, 10, None));
    });
    broken("I1", |history, _| history.told_removed.push((1, 10)));
    broken("I9", |history, _| history.probes.extend([true, false]));
}
