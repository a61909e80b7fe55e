//! The model of an event, and the effect of a settlement.

use eventpipeline_database::{Claimed, Failure, Isolation, State};

use super::step::Settlement;
use crate::support::MAX_ATTEMPTS;

/// The model's time advances by steps. A minute has more steps than any history.
const MINUTE: i64 = 1_000_000;
pub(super) const LEASE: i64 = 10 * MINUTE;

/// Expected row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) attempts: i32,
    pub(super) token: i64,
    pub(super) valor: String,
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) row: Row,
    /// Position in the order of its state.
    pub(super) due: i64,
    /// First position in the queue.
    pub(super) place: i64,
    pub(super) priority: i64,
    /// True if classic programs regard it as claimed, because it had to wait for its time.
    pub(super) hidden: bool,
    /// Number of consecutive claims that were not settled.
    pub(super) lost: u32,
    /// True if its completion time is known.
    pub(super) timed: bool,
    /// Number of its key.
    pub(super) key: Option<u8>,
    /// Its place among the events of its key while it counts there.
    pub(super) joined: Option<usize>,
}

impl Model {
    pub(super) fn new(points: u8, key: Option<u8>, now: i64) -> Self {
        let priority = i64::from(points) * MINUTE;
        let place = now - priority;
        let row = Row { state: State::Pending, attempts: 0, token: 0, valor: String::new(), error: None };
        Self { row, due: place, place, priority, hidden: false, lost: 0, timed: true, key, joined: None }
    }

    /// Returns the events with which it may be claimed.
    pub(super) fn isolation(&self) -> Isolation {
        match self.lost {
            0 => Isolation::None,
            1 if self.row.attempts + 1 < i32::try_from(MAX_ATTEMPTS).unwrap() => Isolation::Group,
            _ => Isolation::Alone,
        }
    }

    pub(super) fn is_held_by(&self, claim: &Claimed) -> bool {
        self.row.state == State::Processing && self.row.token == claim.token
    }

    /// Every release increments the token, so that no earlier claim is open afterwards.
    pub(super) fn becomes(&mut self, state: State, due: i64) {
        self.row.state = state;
        self.row.token += 1;
        self.due = due;
        self.hidden = false;
        self.timed = true;
    }

    /// Applies a settlement of an open claim.
    pub(super) fn settle(&mut self, settlement: &Settlement, error: String, now: i64) {
        let kept = |error: String| Some(error.chars().take(Failure::MAX_CHARS).collect());
        if !matches!(settlement, Settlement::Release | Settlement::Extend) {
            self.lost = 0;
        }
        match settlement {
            Settlement::Complete(text) => {
                self.row.state = State::Done;
                let value = text.value(usize::try_from(now).unwrap());
                value.as_str().clone_into(&mut self.row.valor);
                self.due = now;
            }
            Settlement::FailAndRetry(_) => {
                self.becomes(State::Pending, now);
                (self.hidden, self.row.error) = (true, kept(error));
            }
            Settlement::FailAndRetryLater(_) => {
                self.becomes(State::Pending, now + LEASE);
                (self.hidden, self.row.error) = (true, kept(error));
            }
            Settlement::FailForGood(_) => {
                self.becomes(State::Dead, now);
                self.row.error = kept(error);
            }
            Settlement::Release => {
                self.becomes(State::Pending, self.place);
                self.row.attempts -= 1;
            }
            Settlement::Extend => self.due = now + LEASE,
        }
    }
}
