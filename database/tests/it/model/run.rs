//! A history on a real table and on the model.

use std::time::Duration;

use eventpipeline_database::{
    Claimed, Completion, EventId, EventKey, Failure, Finished, Isolation, Lease, LowWaterMark, NewEvent,
    Next, Priority, Removal, Session, State, Transition,
};
use sqlx::Executor as _;

use super::consumers::Consumer;
use super::event::{LEASE, Model, Row};
use super::step::{Settlement, Step};
use super::tally::Tally;
use crate::support::{Fixture, LONG, MAX_ATTEMPTS, claim_to_try, create_all, reclaim};

pub(super) struct Run {
    session: Session,
    pub(super) fixture: Fixture,
    pub(super) consumers: [Consumer; 3],
    /// Events by id; `None` once an event is removed.
    pub(super) events: Vec<Option<Model>>,
    claims: Vec<Claimed>,
    /// Number of the step, which makes every value and error unique.
    now: i64,
    pub(super) tally: Tally,
    /// Number of events that have joined a key.
    pub(super) joined: usize,
}

impl Run {
    pub(super) fn new(fixture: Fixture) -> Self {
        let (session, tally) = (fixture.session(), Tally::default());
        let consumers = [(); 3].map(|()| Consumer::new(fixture.session()));
        Self { session, fixture, consumers, events: Vec::new(), claims: Vec::new(), now: 0, tally, joined: 0 }
    }

    pub(super) async fn begin(&mut self) {
        for statement in [
            "DELETE FROM Events",
            "DELETE FROM EventKeys",
            "UPDATE DBStatus SET id = 0",
            "UPDATE Ledger SET removed = 0",
        ] {
            self.fixture.other.execute(statement).await.unwrap();
        }
        // The first check of a reclaimer renews all leases.
        reclaim(&mut self.session, LONG).await;
        self.events.clear();
        self.claims.clear();
    }

    /// Returns the rows of the model.
    pub(super) fn events(&self) -> Vec<Option<Row>> {
        self.events.iter().map(|event| event.as_ref().map(|event| event.row.clone())).collect()
    }

    /// Returns the rows of the table, after it checked that the ledger agrees with them.
    pub(super) async fn table(&mut self) -> Vec<Option<Row>> {
        let rows = "SELECT id, state, attempts, token, COALESCE(valor, ''), error FROM Events";
        let rows: Vec<(i64, i64, i32, i64, String, Option<String>)> =
            sqlx::query_as(rows).fetch_all(&mut self.fixture.other).await.unwrap();
        let ledger = self.session.stats().await.unwrap();
        assert_eq!(usize::try_from(ledger.created).unwrap(), self.events.len());
        assert_eq!(usize::try_from(ledger.removed).unwrap(), self.events.len() - rows.len());
        let unfinished = ledger.pending + ledger.scheduled + ledger.blocked + ledger.processing;
        assert_eq!(
            ledger.created,
            unfinished + ledger.done + ledger.dead + ledger.cancelled + ledger.removed
        );
        let mut table = vec![None; self.events.len()];
        for (id, state, attempts, token, valor, error) in rows {
            let state = match state {
                0 => State::Pending,
                1 => State::Processing,
                2 => State::Done,
                3 => State::Dead,
                4 => State::Cancelled,
                ..0 => State::Blocked,
                other => unreachable!("no event has the state {other}"),
            };
            table[index(id)] = Some(Row { state, attempts, token, valor, error });
        }
        table
    }

    pub(super) async fn take(&mut self, step: &Step) {
        self.now += 1;
        match step {
            Step::Create(events) => self.create(events).await,
            Step::Claim(limit) => self.claim(*limit).await,
            Step::WakeUp(which, limit) => self.wake_up(*which, *limit).await,
            Step::Poll(which, limit) => drop(self.poll(*which, *limit).await),
            Step::Idle => self.idle().await,
            Step::ExpireAndReclaim => self.reclaim().await,
            Step::TimePasses => self.time_passes().await,
            Step::Remove(finished, limit) => self.remove(*finished, *limit).await,
            Step::Settle(which, settlement) => {
                if let Some(which) = which.checked_rem(self.claims.len()) {
                    self.settle(self.claims[which].clone(), settlement).await;
                }
            }
            Step::Retry(which)
            | Step::Cancel(which)
            | Step::ClassicClaim(which)
            | Step::ClassicComplete(which) => {
                if let Some(which) = which.checked_rem(self.events.len()) {
                    self.change(step, which).await;
                }
            }
        }
    }

    async fn create(&mut self, events: &[(u8, Option<u8>)]) {
        let event = |(points, key): &(u8, Option<u8>)| NewEvent {
            priority: Priority::new(*points).unwrap(),
            key: key.and_then(|key| EventKey::new(key.to_string()).ok()),
            ..NewEvent::default()
        };
        create_all(&mut self.session, events.iter().map(event).collect()).await;
        for (points, key) in events {
            self.events.push(Some(Model::new(*points, *key, self.now)));
            self.join(self.events.len() - 1);
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Returns the due events of a state, in the order of the queue.
    pub(super) fn line(&self, state: State) -> Vec<usize> {
        let mut line: Vec<_> = (0..self.events.len())
            .filter_map(|index| Some((self.events[index].as_ref()?, index)))
            .filter(|(event, _)| event.row.state == state && event.due < self.now)
            .map(|(event, index)| (event.due, index))
            .collect();
        line.sort_unstable();
        line.into_iter().map(|(_, index)| index).collect()
    }

    async fn claim(&mut self, limit: usize) {
        let claims = claim_to_try(&mut self.session, LONG, limit).await;
        let mut expected = self.line(State::Pending);
        expected.truncate(limit);
        // Events that may have crashed their consumer come without others.
        let isolation = |index: &usize| self.events[*index].as_ref().map(Model::isolation);
        if let Some(first) = expected.first().and_then(isolation) {
            let together = expected.iter().take_while(|index| isolation(index) == Some(first)).count();
            expected.truncate(if first == Isolation::Alone { 1 } else { together });
        }
        assert_eq!(claims.iter().map(|claim| index(claim.id.get())).collect::<Vec<_>>(), expected);
        self.claimed(claims);
    }

    /// Checks that each claimed event was due, and updates the model.
    pub(super) fn claimed(&mut self, claims: Vec<Claimed>) {
        let line = self.line(State::Pending);
        for claim in claims {
            assert!(line.contains(&index(claim.id.get())), "{claim:?} was not in line");
            let due = self.now + LEASE;
            let event = self.events[index(claim.id.get())].as_mut().unwrap();
            let isolation = event.isolation();
            event.becomes(State::Processing, due);
            event.row.attempts += 1;
            assert_eq!((claim.attempt, claim.token), (event.row.attempts, event.row.token));
            assert_eq!(claim.isolation, isolation);
            self.claims.push(claim);
            self.tally.count("claim", true);
        }
    }

    async fn reclaim(&mut self) {
        let expire = "UPDATE Events SET due = '2020-01-01', lease_until = '2020-01-01' WHERE state = 1";
        self.fixture.other.execute(expire).await.unwrap();
        // The claims' own limits of attempts apply, although this one is larger.
        assert_eq!(reclaim(&mut self.session, LONG).await.renewed, None);
        let mut over = Vec::new();
        for (index, event) in self.events.iter_mut().enumerate() {
            let Some(event) = event.as_mut().filter(|event| event.row.state == State::Processing) else {
                continue;
            };
            if event.row.attempts < i32::try_from(MAX_ATTEMPTS).unwrap() {
                event.becomes(State::Pending, event.place);
                event.lost += 1;
                self.tally.count("reclaim to free", true);
            } else {
                event.becomes(State::Dead, self.now);
                event.row.error = Some(format!(
                    "claimed {} times, the last time by test, which did not settle it in its lease",
                    event.row.attempts
                ));
                self.tally.count("reclaim to dead", true);
                over.push(index);
            }
        }
        for index in over {
            self.leave(index);
        }
    }

    async fn time_passes(&mut self) {
        let pass = "UPDATE Events SET due = UTC_TIMESTAMP(6) WHERE state = 0 AND due > UTC_TIMESTAMP(6)";
        self.fixture.other.execute(pass).await.unwrap();
        for event in self.events.iter_mut().flatten() {
            if event.row.state == State::Pending && event.due > self.now {
                event.due = self.now;
            }
        }
    }

    /// An event that a classic program completed gets a completion time first, and is removed by a later call.
    async fn remove(&mut self, finished: Finished, limit: usize) {
        let mark = &mut LowWaterMark::default();
        let removal = self.session.remove(mark, finished, Duration::ZERO, limit).await.unwrap();
        let mut line = self.line(State::from(finished));
        line.truncate(limit);
        let mut events = 0;
        for index in &line {
            let event = self.events[*index].as_mut().unwrap();
            if event.timed {
                events += 1;
                self.events[*index] = None;
                self.tally.count("remove", true);
            } else {
                event.timed = true;
                event.due = self.now;
                self.tally.count("remove untimed", true);
            }
        }
        assert_eq!(removal, Removal { events, more: line.len() == limit });
    }

    async fn settle(&mut self, claim: Claimed, settlement: &Settlement) {
        let number = usize::try_from(self.now).unwrap();
        let held = self.events[index(claim.id.get())].as_ref().is_some_and(|event| event.is_held_by(&claim));
        let expected = if held { vec![claim.id] } else { Vec::new() };
        let error = match settlement {
            Settlement::FailAndRetry(text)
            | Settlement::FailAndRetryLater(text)
            | Settlement::FailForGood(text) => text.error(number),
            _ => String::new(),
        };
        let failure = |next| [Failure { claim: claim.clone(), error: error.clone(), next }];
        let retry = |after| failure(Next::Retry { after });
        let (what, accepted) = match settlement {
            Settlement::Complete(text) => {
                let completion = Completion { claim: claim.clone(), value: text.value(number) };
                ("complete", self.session.complete(&[completion]).await)
            }
            Settlement::FailAndRetry(_) => ("fail", self.session.fail(&retry(Duration::ZERO)).await),
            Settlement::FailAndRetryLater(_) => ("fail", self.session.fail(&retry(LONG)).await),
            Settlement::FailForGood(_) => ("fail", self.session.fail(&failure(Next::Dead)).await),
            Settlement::Extend => {
                let claims = std::slice::from_ref(&claim);
                ("extend", self.session.extend(claims, Lease::new(LONG)).await)
            }
            Settlement::Release => {
                self.session.release(std::slice::from_ref(&claim)).await.unwrap();
                // The method returns no ids, so the table is checked instead.
                ("release", Ok(expected.clone()))
            }
        };
        assert_eq!(accepted.unwrap(), expected, "{settlement:?} of {claim:?}");
        self.tally.count(what, held);
        if held {
            let now = self.now;
            let event = self.events[index(claim.id.get())].as_mut().unwrap();
            event.settle(settlement, error, now);
            if matches!(event.row.state, State::Done | State::Dead) {
                self.leave(index(claim.id.get()));
            }
        }
    }

    async fn change(&mut self, step: &Step, which: usize) {
        let id = EventId::new(i64::try_from(which).unwrap() + 1).unwrap();
        match step {
            Step::Retry(_) => {
                let changed = self.session.retry(id).await.unwrap();
                let allowed = |state| matches!(state, State::Dead | State::Cancelled);
                if let Some(event) = self.changed("retry", which, changed, allowed) {
                    event.becomes(State::Pending, event.due);
                    (event.row.attempts, event.lost) = (0, 0);
                }
                let now = self.now;
                if changed == Transition::Changed
                    && let Some(event) = &mut self.events[which]
                {
                    event.due = now - event.priority;
                    self.join(which);
                }
            }
            Step::Cancel(_) => {
                let (changed, now) = (self.session.cancel(id).await.unwrap(), self.now);
                let allowed = |state| matches!(state, State::Pending | State::Blocked);
                if let Some(event) = self.changed("cancel", which, changed, allowed) {
                    event.becomes(State::Cancelled, now);
                    self.leave(which);
                }
            }
            Step::ClassicClaim(_) => self.classic_claim(id, which).await,
            _ => self.classic_complete(id, which).await,
        }
    }

    /// Checks that a transition occurred exactly if the state allows it. Returns the event if it occurred.
    fn changed(
        &mut self,
        what: &'static str,
        which: usize,
        changed: Transition,
        allowed: impl Fn(State) -> bool,
    ) -> Option<&mut Model> {
        self.tally.count(what, changed == Transition::Changed);
        let Some(event) = &mut self.events[which] else {
            assert_eq!(changed, Transition::NotFound);
            return None;
        };
        if !allowed(event.row.state) {
            assert_eq!(changed, Transition::Refused(event.row.state));
            return None;
        }
        assert_eq!(changed, Transition::Changed);
        Some(event)
    }
}

fn index(id: i64) -> usize {
    usize::try_from(id).unwrap() - 1
}
