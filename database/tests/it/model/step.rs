//! What can happen to a queue.

use eventpipeline_database::{Failure, Finished, Value};
use proptest::prelude::*;

/// A step; numbers choose among the events or claims that there are, old claims among them.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// As many events as there are priorities.
    Create(Vec<u8>),
    Claim(usize),
    /// A consumer that keeps its mark is told that there is work.
    Wakeup(usize, usize),
    /// It looks by itself.
    Poll(usize, usize),
    /// Nothing happens for a while, but that the consumers look.
    Idle,
    Settle(usize, Settlement),
    ExpireAndReclaim,
    /// What waits for its time has waited long enough.
    TimePasses,
    Remove(Finished, usize),
    Retry(usize),
    Cancel(usize),
    ClassicClaim(usize),
    ClassicComplete(usize),
}

/// What is done with a claim.
#[derive(Debug, Clone)]
pub(super) enum Settlement {
    Complete(Text),
    FailAndRetry(Text),
    FailAndRetryLater(Text),
    FailForGood(Text),
    Release,
    Extend,
}

/// Any printable characters, as short or as long as they come.
#[derive(Debug, Clone)]
pub(super) struct Text {
    piece: String,
    times: usize,
}

impl Text {
    /// An answer that no other step gives.
    pub(super) fn value(&self, number: usize) -> Value {
        Value::new(self.cut(number, Value::MAX_CHARS)).unwrap()
    }

    /// An error that no other step gives, longer than what is kept now and then.
    pub(super) fn error(&self, number: usize) -> String {
        self.cut(number, Failure::MAX_CHARS + 100)
    }

    fn cut(&self, number: usize, chars: usize) -> String {
        format!("{number} {}", self.piece.repeat(self.times)).chars().take(chars).collect()
    }
}

pub(super) fn any() -> impl Strategy<Value = Step> {
    let which = 0..100_usize;
    let finished =
        prop_oneof![2 => Just(Finished::Done), 1 => Just(Finished::Dead), 1 => Just(Finished::Cancelled)];
    prop_oneof![
        3 => prop::collection::vec(0..10_u8, 1..4).prop_map(Step::Create),
        2 => (1..4_usize).prop_map(Step::Claim),
        2 => (0..3_usize, 1..4_usize).prop_map(|(which, limit)| Step::Wakeup(which, limit)),
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
    // Around the widths by which the statement's list is declared.
    let times = prop_oneof![Just(1_usize), 7..10_usize, 120..130_usize, 900..1100_usize];
    ("\\PC{1,8}", times).prop_map(|(piece, times)| Text { piece, times })
}
