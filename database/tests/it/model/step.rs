//! The possible actions on a queue.

use eventpipeline_database::{Failure, Finished, Value};
use proptest::prelude::*;

/// A step. Its numbers select among the existing events or claims, including old claims.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Creates events with a priority, and some with one of three keys.
    Create(Vec<(u8, Option<u8>)>),
    Claim(usize),
    /// Sends a wake-up to a consumer that keeps its mark.
    WakeUp(usize, usize),
    /// Makes such a consumer poll.
    Poll(usize, usize),
    /// Lets the consumers poll until everything that is due is claimed.
    Idle,
    Settle(usize, Settlement),
    ExpireAndReclaim,
    /// Makes every waiting event due.
    TimePasses,
    Remove(Finished, usize),
    Retry(usize),
    Cancel(usize),
    ClassicClaim(usize),
    ClassicComplete(usize),
}

/// An action on a claim.
#[derive(Debug, Clone)]
pub(super) enum Settlement {
    Complete(Text),
    FailAndRetry(Text),
    FailAndRetryLater(Text),
    FailForGood(Text),
    Release,
    Extend,
}

/// Any printable characters, of any length.
#[derive(Debug, Clone)]
pub(super) struct Text {
    piece: String,
    times: usize,
}

impl Text {
    /// Returns a value that is unique to the step.
    pub(super) fn value(&self, number: usize) -> Value {
        Value::new(self.cut(number, Value::MAX_CHARS)).unwrap()
    }

    /// Returns an error that is unique to the step, sometimes longer than the column.
    pub(super) fn error(&self, number: usize) -> String {
        self.cut(number, Failure::MAX_CHARS + 100)
    }

    fn cut(&self, number: usize, chars: usize) -> String {
        format!("{number} {}", self.piece.repeat(self.times)).chars().take(chars).collect()
    }
}

pub(super) fn any() -> impl Strategy<Value = Step> {
    let which = 0..100_usize;
    let key = prop::option::of(0..3_u8);
    let finished =
        prop_oneof![2 => Just(Finished::Done), 1 => Just(Finished::Dead), 1 => Just(Finished::Cancelled)];
    prop_oneof![
        3 => prop::collection::vec((0..10_u8, key), 1..4).prop_map(Step::Create),
        2 => (1..4_usize).prop_map(Step::Claim),
        2 => (0..3_usize, 1..4_usize).prop_map(|(which, limit)| Step::WakeUp(which, limit)),
        2 => (0..3_usize, 1..4_usize).prop_map(|(which, limit)| Step::Poll(which, limit)),
        1 => Just(Step::Idle),
        12 => (which.clone(), settlement()).prop_map(|(which, settlement)| Step::Settle(which, settlement)),
        2 => Just(Step::ExpireAndReclaim),
        1 => Just(Step::TimePasses),
        3 => (finished, 1..4_usize).prop_map(|(finished, limit)| Step::Remove(finished, limit)),
        1 => which.clone().prop_map(Step::Retry),
        1 => which.clone().prop_map(Step::Cancel),
        2 => which.clone().prop_map(Step::ClassicClaim),
        2 => which.prop_map(Step::ClassicComplete),
    ]
}

fn settlement() -> impl Strategy<Value = Settlement> {
    prop_oneof![
        4 => text().prop_map(Settlement::Complete),
        2 => text().prop_map(Settlement::FailAndRetry),
        1 => text().prop_map(Settlement::FailAndRetryLater),
        1 => text().prop_map(Settlement::FailForGood),
        2 => Just(Settlement::Release),
        2 => Just(Settlement::Extend),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    // Lengths around the widths with which the statement's list is declared.
    let times = prop_oneof![Just(1_usize), 7..10_usize, 120..130_usize, 900..1100_usize];
    ("\\PC{1,8}", times).prop_map(|(piece, times)| Text { piece, times })
}
