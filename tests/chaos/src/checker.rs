//! Whether a history keeps the promises: pure, so that it can be tried on histories that do not.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::history::{History, Ledger, Moment, Rest, Row};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// I1 to I7 and I9, as the architecture names them, or `API`: what its documentation says of answers.
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
    /// Events that were finished, and removed after their time.
    pub removed: usize,
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
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many waits of create-sync were answered, and how many were cut off.
    pub waits: [u64; 2],
    /// How often the queue's figures were looked at.
    pub ledgers: usize,
    /// Reads of acknowledged events that were compared.
    pub reads: usize,
    /// Seconds until everything was done in each time of calm.
    pub rests: Vec<Option<u64>>,
    /// Every broken promise.
    pub violations: Vec<Violation>,
}

/// Compares what clients saw with what is stored.
pub fn check(history: &History, rest: &Rest) -> Verdict {
    let mut all: Vec<&Row> = rest.rows.iter().chain(&rest.gone).collect();
    // In the order of their creation.
    all.sort_unstable_by_key(|row| row.id);
    let rows: HashMap<i64, &Row> = all.iter().map(|row| (row.id, *row)).collect();
    let mut violations = Violations::default();
    existence(history, &rows, &mut violations);
    ids(history, &all, &rows, &mut violations);
    counts(history, rest, &all, &mut violations);
    values(history, &rows, &mut violations);
    reads(history, &rows, &mut violations);
    calms(history, &mut violations);
    probes(history, &mut violations);
    tokens(history, &rows, &mut violations);
    fences(&all, &mut violations);
    ends(&rest.rows, &mut violations);
    answers(history, &all, &mut violations);
    api(history, &mut violations);
    let finished = [2, 3, 4].map(|state| all.iter().filter(|row| row.state == state).count());
    Verdict {
        acknowledged: history.acknowledged.iter().map(|creation| creation.ids.len()).sum(),
        stored: rest.rows.len(),
        removed: rest.gone.len(),
        finished,
        answers: history.answers.len(),
        handled_again: history.handled.values().filter(|times| times.len() > 1).count(),
        unknown: history.unknown,
        refused: history.refused,
        statuses: history.statuses.clone(),
        waits: history.waits,
        ledgers: history.ledgers.len(),
        reads: history.reads.len(),
        rests: history.calms.iter().map(|calm| calm.rest_seconds).collect(),
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

/// I1: an id that was answered exists, with its payload, or did until it was removed.
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

/// A key is remembered as long as its event: then it may be another one's.
fn gone_before(earlier: &Row, later: &Row) -> bool {
    earlier.removed.is_some_and(|removed| removed < later.created)
}

/// I2: ids are distinct, and a key has one set of them.
fn ids(history: &History, all: &[&Row], rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    let first = |ids: &[i64]| rows.get(ids.first()?).copied();
    let one_after_another = |some: &[i64], others: &[i64]| {
        first(some)
            .zip(first(others))
            .is_some_and(|(one, other)| gone_before(one, other) || gone_before(other, one))
    };
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
            && !one_after_another(other, &creation.ids)
        {
            violations
                .add("I2", format!("key {key} was answered with {other:?} and with {:?}", creation.ids));
        }
    }
    let mut marks: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in all {
        if let Some(mark) = &row.mark
            && let Some(other) = marks.insert(mark, row)
            && !gone_before(other, row)
            && history
                .acknowledged
                .iter()
                .any(|creation| creation.key.is_some() && creation.marks.contains(mark))
        {
            let (other, id) = (other.id, row.id);
            violations.add("I2", format!("{mark} has a key and was created twice: {other} and {id}"));
        }
    }
}

/// I2: the counter is the number of events. I7: each is in a state or was removed, and what was removed was finished.
fn counts(history: &History, rest: &Rest, all: &[&Row], violations: &mut Violations) {
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let (known, gone) = (number(all.len()), number(rest.gone.len()));
    let Rest { counter, events, removed, .. } = rest;
    if *counter != known || events != counter {
        violations.add("I2", format!("{known} events, DBStatus.id {counter}, GET / {events}"));
    }
    if gone != *removed {
        violations.add("I7", format!("{gone} events were removed, and {removed} are counted"));
    }
    for row in rest.gone.iter().filter(|row| !row.has_ended()) {
        violations.add("I7", format!("event {} was removed in state {}", row.id, row.state));
    }
    let mut before = Ledger { created: 0, in_states: 0, removed: 0 };
    for ledger in &history.ledgers {
        if ledger.created != ledger.in_states + ledger.removed {
            violations.add("I7", format!("the figures do not add up: {ledger:?}"));
        }
        if ledger.created < before.created || ledger.removed < before.removed {
            violations.add("I7", format!("{before:?} became {ledger:?}"));
        }
        before = *ledger;
    }
}

/// I3: an answer never changes once somebody saw it.
fn values(history: &History, rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    let samples = history.samples.iter().map(|sample| (sample.id, &sample.valor));
    let reads = history.reads.iter().filter_map(|read| Some((read.id, read.valor.as_ref()?)));
    for (id, seen) in samples.chain(reads) {
        let last = rows.get(&id).map_or("", |row| &row.valor);
        if !seen.is_empty() && seen != last {
            violations.add("I3", format!("the answer of event {id} was {seen:?} and became {last:?}"));
        }
    }
}

/// I1: an acknowledged event is found until it is removed. I3: a value that was read is not missing later.
fn reads(history: &History, rows: &HashMap<i64, &Row>, violations: &mut Violations) {
    let missing = history.reads.iter().filter(|read| read.valor.is_none());
    let missing = missing.map(|read| (read.id, read.answered)).chain(history.told_removed.iter().copied());
    for (id, answered) in missing {
        let removed = rows.get(&id).is_some_and(|row| row.removed.is_some_and(|removed| removed <= answered));
        if !removed {
            violations
                .add("I1", format!("event {id} was acknowledged, and a client was told that there is none"));
        }
    }
    let mut seen: HashMap<i64, Moment> = HashMap::new();
    for read in history.reads.iter().filter(|read| read.valor.as_ref().is_some_and(|it| !it.is_empty())) {
        let first = seen.entry(read.id).or_insert(read.answered);
        *first = read.answered.min(*first);
    }
    for read in history.reads.iter().filter(|read| read.valor.as_ref().is_some_and(String::is_empty)) {
        if seen.get(&read.id).is_some_and(|first| *first < read.asked) {
            violations.add("I3", format!("the answer of event {} was read, and was missing later", read.id));
        }
    }
}

/// I5: what is due is done within a bound when nothing fails. I3: nothing is handled twice without a fault.
fn calms(history: &History, violations: &mut Violations) {
    for calm in &history.calms {
        if calm.rest_seconds.is_none() {
            violations
                .add("I5", "events were left although nothing failed and nobody asked for more".to_owned());
        }
        for (id, handled) in &history.handled {
            let within = handled.iter().filter(|at| (calm.from..calm.to).contains(*at)).count();
            if within > 1 {
                violations.add("I3", format!("event {id} was handled {within} times while nothing failed"));
            }
        }
    }
}

/// I9: rows that somebody else keeps locked do not keep other events waiting.
fn probes(history: &History, violations: &mut Violations) {
    for _ in history.probes.iter().filter(|done| !**done) {
        violations.add("I9", "an event was not done while somebody else kept other events locked".to_owned());
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
fn fences(rows: &[&Row], violations: &mut Violations) {
    for row in rows.iter().filter(|row| row.state == 2) {
        let attempt =
            row.valor.strip_prefix("attempt ").and_then(|attempt| attempt.split(' ').next()?.parse().ok());
        if attempt.is_some_and(|attempt: i32| attempt != row.attempts) {
            let (id, attempts, valor) = (row.id, row.attempts, &row.valor);
            violations
                .add("I4", format!("event {id} was claimed {attempts} times and has the answer {valor:?}"));
        }
    }
}

/// I5: every event ends.
fn ends(rows: &[Row], violations: &mut Violations) {
    for row in rows.iter().filter(|row| !row.has_ended()) {
        violations.add("I5", format!("event {} is stuck in state {}", row.id, row.state));
    }
}

/// I6: what create-sync answered is stored.
fn answers(history: &History, rows: &[&Row], violations: &mut Violations) {
    let stored: HashMap<&str, &str> =
        rows.iter().filter_map(|row| Some((row.mark.as_deref()?, row.valor.as_str()))).collect();
    for (mark, valor) in &history.answers {
        let last = stored.get(mark.as_str());
        if last != Some(&valor.as_str()) {
            violations.add("I6", format!("{mark} was answered with {valor:?} and is stored with {last:?}"));
        }
    }
}

/// What is answered is documented, and every wait ends.
fn api(history: &History, violations: &mut Violations) {
    for answer in &history.undocumented {
        violations.add("API", answer.clone());
    }
    for mark in &history.waiting {
        violations.add("API", format!("create-sync of {mark} was neither answered nor cut off"));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |promise| self.violations.iter().filter(|violation| violation.promise == promise).count();
        let [done, dead, cancelled] = self.finished;
        writeln!(
            formatter,
            "acknowledged       {:>8}   unknown {}, refused {}",
            self.acknowledged, self.unknown, self.refused
        )?;
        writeln!(
            formatter,
            "stored             {:>8}   and removed {}; done {done}, dead {dead}, cancelled {cancelled}",
            self.stored, self.removed
        )?;
        let [answered, cut] = self.waits;
        writeln!(formatter, "waits ended        {:>8}   answered {answered}, cut off {cut}", answered + cut)?;
        let statuses: Vec<String> =
            self.statuses.iter().map(|(status, many)| format!("{status}: {many}")).collect();
        writeln!(formatter, "answers by status             {}", statuses.join(", "))?;
        writeln!(formatter, "figures looked at  {:>8}", self.ledgers)?;
        writeln!(formatter, "reads compared     {:>8}", self.reads)?;
        writeln!(formatter, "times of calm      {:>8}   seconds to rest {:?}", self.rests.len(), self.rests)?;
        writeln!(formatter, "answers compared   {:>8}", self.answers)?;
        writeln!(formatter, "handled again      {:>8}   (allowed: at least once)", self.handled_again)?;
        for (name, promise) in [
            ("lost", "I1"),
            ("duplicated", "I2"),
            ("answer changed", "I3"),
            ("fence broken", "I4"),
            ("stuck", "I5"),
            ("answered wrongly", "I6"),
            ("counted wrongly", "I7"),
            ("blocked by others", "I9"),
            ("not as documented", "API"),
        ] {
            writeln!(formatter, "{name:<18} {:>8}   {promise}", count(promise))?;
        }
        for violation in self.violations.iter().take(50) {
            writeln!(formatter, "VIOLATION {}: {}", violation.promise, violation.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
