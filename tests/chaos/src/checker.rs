//! Whether a history keeps the promises: pure, so that it can be tried on histories that do not.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::history::{History, Rest, Row};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// I1 to I7, as the architecture names them.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Events whose id was answered.
    pub acknowledged: usize,
    /// Events in the tables.
    pub stored: usize,
    /// How many of those are done, dead and cancelled.
    pub finished: [usize; 3],
    /// Answers of create-sync that were compared.
    pub answers: usize,
    /// Events that the handler was asked about more than once, which is allowed.
    pub handled_again: usize,
    /// Requests whose outcome nobody knows, and refused ones.
    pub unknown: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Every broken promise.
    pub violations: Vec<Violation>,
}

/// Compares what clients saw with what is stored.
pub fn check(history: &History, rest: &Rest) -> Verdict {
    let rows: HashMap<i64, &Row> = rest.rows.iter().map(|row| (row.id, row)).collect();
    let mut violations = Violations::default();
    existence(history, &rows, &mut violations);
    ids(history, rest, &mut violations);
    values(history, &rows, &mut violations);
    tokens(history, &rows, &mut violations);
    fences(rest, &mut violations);
    ends(rest, &mut violations);
    answers(history, rest, &mut violations);
    let finished = [2, 3, 4].map(|state| rest.rows.iter().filter(|row| row.state == state).count());
    Verdict {
        acknowledged: history.acknowledged.iter().map(|creation| creation.ids.len()).sum(),
        stored: rest.rows.len(),
        finished,
        answers: history.answers.len(),
        handled_again: history.handled.values().filter(|times| **times > 1).count(),
        unknown: history.unknown,
        refused: history.refused,
        violations: violations.0,
    }
}

#[derive(Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, promise: &'static str, what: String) {
        self.0.push(Violation { promise, what });
    }
}

/// I1: an id that was answered exists, with its payload.
fn existence(history: &History, rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    for creation in &history.acknowledged {
        for (id, mark) in creation.ids.iter().zip(&creation.marks) {
            match rows.get(id) {
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

/// I2: ids are distinct, a key has one set of them, and the counter is the number of events.
fn ids(history: &History, rest: &Rest, violations: &mut Violations) {
    let mut owners: BTreeMap<i64, &str> = BTreeMap::new();
    let mut keys: BTreeMap<&str, &[i64]> = BTreeMap::new();
    for creation in &history.acknowledged {
        for (id, mark) in creation.ids.iter().zip(&creation.marks) {
            if let Some(other) = owners.insert(*id, mark)
                && other != mark
            {
                violations.add("I2", format!("id {id} was answered for {other} and for {mark}"));
            }
        }
        if let Some(key) = &creation.key
            && let Some(other) = keys.insert(key, &creation.ids)
            && other != creation.ids
        {
            violations
                .add("I2", format!("key {key} was answered with {other:?} and with {:?}", creation.ids));
        }
    }
    let mut marks: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &rest.rows {
        if let Some(mark) = &row.mark
            && let Some(other) = marks.insert(mark, row.id)
            && history
                .acknowledged
                .iter()
                .any(|creation| creation.key.is_some() && creation.marks.contains(mark))
        {
            violations.add("I2", format!("{mark} has a key and was created twice: {other} and {}", row.id));
        }
    }
    let stored = i64::try_from(rest.rows.len()).unwrap_or(i64::MAX);
    if rest.counter != stored || rest.events != stored {
        let Rest { counter, events, .. } = rest;
        violations.add("I2", format!("{stored} events, DBStatus.id {counter}, GET / {events}"));
    }
}

/// I3: an answer never changes once somebody saw it.
fn values(history: &History, rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    let samples = history.samples.iter().map(|sample| (sample.id, &sample.valor));
    for (id, seen) in samples.chain(history.reads.iter().map(|(id, valor)| (*id, valor))) {
        let last = rows.get(&id).map_or("", |row| &row.valor);
        if !seen.is_empty() && seen != last {
            violations.add("I3", format!("the answer of event {id} was {seen:?} and became {last:?}"));
        }
    }
}

/// I4: an event's token only grows.
fn tokens(history: &History, rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    let mut greatest: HashMap<i64, i64> = HashMap::new();
    let last = rows.values().map(|row| (row.id, row.token));
    for (id, token) in history.samples.iter().map(|sample| (sample.id, sample.token)).chain(last) {
        let before = greatest.entry(id).or_insert(token);
        if token < *before {
            violations.add("I4", format!("the token of event {id} was {before} and became {token}"));
        }
        *before = token;
    }
}

/// I4: an answer is accepted from the last claim only. The handler's answers say which attempt they are of.
fn fences(rest: &Rest, violations: &mut Violations) {
    for row in rest.rows.iter().filter(|row| row.state == 2) {
        let attempt =
            row.valor.strip_prefix("attempt ").and_then(|attempt| attempt.split(' ').next()?.parse().ok());
        if attempt.is_some_and(|attempt: i32| attempt != row.attempts) {
            let (id, attempts, valor) = (row.id, row.attempts, &row.valor);
            violations
                .add("I4", format!("event {id} was claimed {attempts} times and has the answer {valor:?}"));
        }
    }
}

/// I5: every event ends. I7: its state is one of those that are counted.
fn ends(rest: &Rest, violations: &mut Violations) {
    for row in rest.rows.iter().filter(|row| !(2..=4).contains(&row.state)) {
        violations.add("I5", format!("event {} is stuck in state {}", row.id, row.state));
    }
}

/// I6: what create-sync answered is stored.
fn answers(history: &History, rest: &Rest, violations: &mut Violations) {
    let stored: HashMap<&str, &str> =
        rest.rows.iter().filter_map(|row| Some((row.mark.as_deref()?, row.valor.as_str()))).collect();
    for (mark, valor) in &history.answers {
        let last = stored.get(mark.as_str());
        if last != Some(&valor.as_str()) {
            violations.add("I6", format!("{mark} was answered with {valor:?} and is stored with {last:?}"));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |promise, text: &str| {
            self.violations
                .iter()
                .filter(|violation| violation.promise == promise && violation.what.contains(text))
                .count()
        };
        let [done, dead, cancelled] = self.finished;
        writeln!(
            formatter,
            "acknowledged       {:>8}   unknown {}, refused {}",
            self.acknowledged, self.unknown, self.refused
        )?;
        writeln!(
            formatter,
            "stored             {:>8}   done {done}, dead {dead}, cancelled {cancelled}",
            self.stored
        )?;
        writeln!(formatter, "answers compared   {:>8}", self.answers)?;
        writeln!(formatter, "handled again      {:>8}   (allowed: at least once)", self.handled_again)?;
        for (name, promise, text) in [
            ("lost", "I1", ""),
            ("duplicated", "I2", ""),
            ("answer changed", "I3", ""),
            ("fence broken", "I4", ""),
            ("stuck", "I5", ""),
            ("answered wrongly", "I6", ""),
        ] {
            writeln!(formatter, "{name:<18} {:>8}   {promise}", count(promise, text))?;
        }
        for violation in self.violations.iter().take(50) {
            writeln!(formatter, "VIOLATION {}: {}", violation.promise, violation.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Acknowledged, Sample};

    use super::*;

    fn row(id: i64, valor: &str) -> Row {
        let state = if valor.is_empty() { 0 } else { 2 };
        Row { id, state, valor: valor.to_owned(), mark: Some(format!("m{id}")), attempts: 1, token: 1 }
    }

    fn good() -> (History, Rest) {
        let acknowledged = (1..=3)
            .map(|id| Acknowledged { ids: vec![id], marks: vec![format!("m{id}")], key: None })
            .collect();
        let history = History { acknowledged, ..History::default() };
        let rows = (1..=3).map(|id| row(id, "palavra")).collect();
        (history, Rest { rows, counter: 3, events: 3 })
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
        history.reads.push((1, String::new()));
        history.reads.push((1, "palavra".to_owned()));
        history.handled.insert(1, 2);
        history.samples.push(Sample { id: 1, token: 0, valor: String::new() });
        let verdict = check(&history, &rest);
        assert_eq!(verdict.violations, []);
        assert_eq!((verdict.acknowledged, verdict.handled_again, verdict.finished), (3, 1, [3, 0, 0]));
    }

    #[test]
    fn every_broken_promise_is_seen() {
        broken("I1", |_, rest| rest.rows.retain(|row| row.id != 2));
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
        broken("I3", |history, _| history.reads.push((1, "outra".to_owned())));
        broken("I4", |history, _| {
            history.samples.push(Sample { id: 1, token: 2, valor: String::new() });
        });
        broken("I4", |_, rest| {
            rest.rows[0].valor = "attempt 1 of 1".to_owned();
            rest.rows[0].attempts = 2;
        });
        broken("I5", |_, rest| rest.rows[0].state = 1);
        broken("I6", |history, _| history.answers.push(("m1".to_owned(), "outra".to_owned())));
        broken("I6", |history, _| history.answers.push(("m9".to_owned(), "palavra".to_owned())));
    }
}
