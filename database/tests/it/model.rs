//! The event's state machine: generated histories, run on a real table and on a model of it that fits on a page.
//!
//! After each step both must agree, on what the step answered and on every row.

use std::time::Duration;

use eventpipeline_database::{
    Change, Claimed, Completion, EventId, Failure, Lease, LowWaterMark, MaxAttempts, Next, Session, State,
    Value,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestRunner};
use sqlx::Executor as _;

use crate::support::{Fixture, LONG, claim, create, on_each};

const HISTORIES: usize = 25;
const STEPS: usize = 40;
const MAX_ATTEMPTS: u32 = 3;

/// A step; numbers choose among the events or claims that there are, old claims among them.
#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Claim(usize),
    Complete(usize),
    FailAndRetry(usize),
    FailForGood(usize),
    Release(usize),
    Extend(usize),
    ExpireAndReclaim,
    Retry(usize),
    Cancel(usize),
    ClassicClaim(usize),
    ClassicComplete(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..100_usize;
    prop_oneof![
        2 => (1..4_usize).prop_map(Step::Create),
        6 => (1..4_usize).prop_map(Step::Claim),
        4 => any.clone().prop_map(Step::Complete),
        3 => any.clone().prop_map(Step::FailAndRetry),
        1 => any.clone().prop_map(Step::FailForGood),
        2 => any.clone().prop_map(Step::Release),
        2 => any.clone().prop_map(Step::Extend),
        2 => Just(Step::ExpireAndReclaim),
        1 => any.clone().prop_map(Step::Retry),
        1 => any.clone().prop_map(Step::Cancel),
        1 => any.clone().prop_map(Step::ClassicClaim),
        1 => any.prop_map(Step::ClassicComplete),
    ]
}

/// What the table should say of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Model {
    state: State,
    attempts: i32,
    token: i64,
}

impl Model {
    const NEW: Self = Self { state: State::Pending, attempts: 0, token: 0 };

    fn is_held_by(self, claim: &Claimed) -> bool {
        self.state == State::Processing && self.token == claim.token
    }

    /// Every give-back moves the token, so that no claim from before holds any more.
    fn becomes(&mut self, state: State) {
        *self = Self { state, token: self.token + 1, ..*self };
    }
}

struct Run {
    session: Session,
    fixture: Fixture,
    events: Vec<Model>,
    claims: Vec<Claimed>,
    /// Makes every answer and error another one.
    number: usize,
}

#[tokio::test]
async fn the_table_does_what_the_model_does() {
    on_each(async |fixture| {
        let config = ProptestConfig { rng_seed: RngSeed::Fixed(20_261_124), ..ProptestConfig::default() };
        let mut runner = TestRunner::new(config);
        let histories = prop::collection::vec(step(), STEPS);
        let mut run =
            Run { session: fixture.session(), fixture, events: Vec::new(), claims: Vec::new(), number: 0 };
        for _ in 0..HISTORIES {
            let history = histories.new_tree(&mut runner).unwrap().current();
            run.begin().await;
            for (index, step) in history.iter().enumerate() {
                run.take(step).await;
                assert_eq!(run.table().await, run.events, "after {:?}", &history[..=index]);
            }
        }
    })
    .await;
}

impl Run {
    async fn begin(&mut self) {
        self.fixture.other.execute("DELETE FROM Events").await.unwrap();
        self.fixture.other.execute("UPDATE DBStatus SET id = 0").await.unwrap();
        self.events.clear();
        self.claims.clear();
    }

    async fn table(&mut self) -> Vec<Model> {
        let rows = "SELECT state, attempts, token FROM Events ORDER BY id";
        let rows: Vec<(i8, i32, i64)> =
            sqlx::query_as(rows).fetch_all(&mut self.fixture.other).await.unwrap();
        let state = |number: i8| State::ALL[usize::try_from(number).unwrap()];
        rows.into_iter()
            .map(|(number, attempts, token)| Model { state: state(number), attempts, token })
            .collect()
    }

    async fn take(&mut self, step: &Step) {
        self.number += 1;
        match *step {
            Step::Create(many) => {
                create(&mut self.session, many).await;
                self.events.extend(vec![Model::NEW; many]);
            }
            Step::Claim(limit) => self.claim(limit).await,
            Step::ExpireAndReclaim => self.reclaim().await,
            Step::Complete(which)
            | Step::FailAndRetry(which)
            | Step::FailForGood(which)
            | Step::Release(which)
            | Step::Extend(which) => {
                if !self.claims.is_empty() {
                    let claim = self.claims[which % self.claims.len()].clone();
                    self.settle(step, claim).await;
                }
            }
            Step::Retry(which)
            | Step::Cancel(which)
            | Step::ClassicClaim(which)
            | Step::ClassicComplete(which) => {
                if !self.events.is_empty() {
                    self.change(step, which % self.events.len()).await;
                }
            }
        }
    }

    async fn claim(&mut self, limit: usize) {
        let claims = claim(&mut self.session, limit).await;
        let pending = self.events.iter().filter(|event| event.state == State::Pending).count();
        assert_eq!(claims.len(), pending.min(limit));
        for claim in claims {
            let event = self.of(claim.id);
            assert_eq!(event.state, State::Pending);
            *event = Model { state: State::Processing, attempts: event.attempts + 1, token: event.token + 1 };
            assert_eq!((claim.attempt, claim.token), (event.attempts, event.token));
            self.claims.push(claim);
        }
    }

    async fn reclaim(&mut self) {
        let expire = "UPDATE Events SET due = '2020-01-01', lease_until = '2020-01-01' WHERE state = 1";
        self.fixture.other.execute(expire).await.unwrap();
        let max = MaxAttempts::new(MAX_ATTEMPTS).unwrap();
        self.session.reclaim(&mut LowWaterMark::default(), Lease::new(LONG), max).await.unwrap();
        for event in self.events.iter_mut().filter(|event| event.state == State::Processing) {
            let last = event.attempts >= i32::try_from(MAX_ATTEMPTS).unwrap();
            event.becomes(if last { State::Dead } else { State::Pending });
        }
    }

    async fn settle(&mut self, step: &Step, claim: Claimed) {
        let text = format!("number {}", self.number);
        let held = self.of(claim.id).is_held_by(&claim);
        let expected = if held { vec![claim.id] } else { Vec::new() };
        let failure = |next| Failure { claim: claim.clone(), error: text.clone(), next };
        let accepted = match step {
            Step::Complete(_) => {
                let completion = Completion { claim: claim.clone(), value: Value::new(&text).unwrap() };
                self.session.complete(&[completion]).await.unwrap()
            }
            Step::FailAndRetry(_) => {
                self.session.fail(&[failure(Next::Retry { after: Duration::ZERO })]).await.unwrap()
            }
            Step::FailForGood(_) => self.session.fail(&[failure(Next::Dead)]).await.unwrap(),
            Step::Extend(_) => {
                let claims = std::slice::from_ref(&claim);
                self.session.extend(claims, Lease::new(LONG)).await.unwrap()
            }
            _ => {
                self.session.release(std::slice::from_ref(&claim)).await.unwrap();
                expected.clone()
            }
        };
        assert_eq!(accepted, expected, "{step:?} of {claim:?}");
        if !held {
            return;
        }
        let event = self.of(claim.id);
        match step {
            Step::Complete(_) => event.state = State::Done,
            Step::FailAndRetry(_) => event.becomes(State::Pending),
            Step::FailForGood(_) => event.becomes(State::Dead),
            Step::Release(_) => {
                event.becomes(State::Pending);
                event.attempts -= 1;
            }
            _ => {}
        }
    }

    async fn change(&mut self, step: &Step, index: usize) {
        let id = EventId::new(i64::try_from(index).unwrap() + 1).unwrap();
        let before = self.events[index].state;
        let event = &mut self.events[index];
        match step {
            Step::Retry(_) => {
                let changed = self.session.retry(id).await.unwrap();
                if matches!(before, State::Dead | State::Cancelled) {
                    assert_eq!(changed, Change::Changed);
                    event.becomes(State::Pending);
                    event.attempts = 0;
                } else {
                    assert_eq!(changed, Change::Refused(before));
                }
            }
            Step::Cancel(_) => {
                let changed = self.session.cancel(id).await.unwrap();
                if before == State::Pending {
                    assert_eq!(changed, Change::Changed);
                    event.becomes(State::Cancelled);
                } else {
                    assert_eq!(changed, Change::Refused(before));
                }
            }
            // Such programs take what looks free to them, and write back what they took.
            Step::ClassicClaim(_) => {
                let claim = "UPDATE Events SET processing = 1 WHERE id = ? AND valor = '' AND processing = 0";
                let claimed =
                    sqlx::query(claim).bind(id.get()).execute(&mut self.fixture.other).await.unwrap();
                if claimed.rows_affected() == 1 {
                    assert_eq!(before, State::Pending);
                    event.state = State::Processing;
                }
            }
            _ if before == State::Processing => {
                let done = "UPDATE Events SET valor = 'classic', processing = 0 WHERE id = ?";
                sqlx::query(done).bind(id.get()).execute(&mut self.fixture.other).await.unwrap();
                event.state = State::Done;
            }
            _ => {}
        }
    }

    fn of(&mut self, id: EventId) -> &mut Model {
        &mut self.events[usize::try_from(id.get()).unwrap() - 1]
    }
}
