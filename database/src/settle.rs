//! Settles claims: events are completed, failed, released or kept longer. Fence tokens guard every change.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;

use crate::claim::Claimed;
use crate::contention::Contention;
use crate::error::{Error, PartlySettled, Refused};
use crate::event::{EventId, Value};
use crate::fenced::{Applied, Ends, FencedUpdate, Item, batches};
use crate::keys::key_of_dead;
use crate::lanes::{free, lane_of_type};
use crate::operations::OperationName;
use crate::owner::Lease;
use crate::reclaim::place;
use crate::session::{Operation, Session};
use crate::time::microseconds;

/// The completion of a claimed event.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Claim that it settles.
    pub claim: Claimed,
    /// Value of the event.
    pub value: Value,
}

/// A failed attempt at a claimed event.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Claim that it settles.
    pub claim: Claimed,
    /// Error of the attempt; the first [`Failure::MAX_CHARS`] characters are kept.
    pub error: String,
    /// Consequence for the event.
    pub next: Next,
}

/// The consequence of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The event may be claimed again.
    Retry {
        /// Pause before the next claim.
        after: Duration,
    },
    /// The event is given up.
    Dead,
}

impl Failure {
    /// Maximum number of characters, the width of `Events.error`.
    pub const MAX_CHARS: usize = 1000;

    fn kept(&self) -> &str {
        let end = self.error.char_indices().nth(Self::MAX_CHARS).map_or(self.error.len(), |(index, _)| index);
        self.error.get(..end).unwrap_or_default()
    }
}

/// These methods return [`Error::PartlySettled`] if some events could not be settled, because other clients have locked them
/// or the database refuses the change. The other events are settled nevertheless.
impl Session {
    /// Completes claims and returns the ids of those that were accepted. A completion is refused if the event was claimed again
    /// or already has a value. One statement completes up to 512 claims or a mebibyte of values.
    pub async fn complete(&mut self, completions: &[Completion]) -> Result<Vec<EventId>, Error> {
        let items = completions.iter().map(|done| Item::new(&done.claim, done.value.as_str(), 0));
        self.settle::<Complete>(items.collect()).await
    }

    /// Fails claims, so that their events are retried later or given up. Returns the ids of those whose claim was open.
    pub async fn fail(&mut self, failures: &[Failure]) -> Result<Vec<EventId>, Error> {
        let items = failures.iter().map(|failed| {
            let pause = match failed.next {
                Next::Retry { after } => microseconds(after),
                Next::Dead => DEAD,
            };
            Item::new(&failed.claim, failed.kept(), pause)
        });
        self.settle::<Fail>(items.collect()).await
    }

    /// Releases claims: their events return to their places in the queue, and the attempt is not counted.
    pub async fn release(&mut self, claims: &[Claimed]) -> Result<(), Error> {
        let items = claims.iter().map(|claim| Item::new(claim, "", 0));
        self.settle::<Release>(items.collect()).await.map(drop)
    }

    /// Renews the leases of claims and returns the ids of those that are still open. A consumer should stop work on any other
    /// event, because its completion will be refused.
    pub async fn extend(&mut self, claims: &[Claimed], lease: Lease) -> Result<Vec<EventId>, Error> {
        let items = claims.iter().map(|claim| Item::new(claim, "", microseconds(lease.0)));
        self.settle::<Extend>(items.collect()).await
    }

    /// Settles the items in batches that fit one statement. Halves a batch that the database refuses, to find the refused claims.
    async fn settle<S: Settlement>(&mut self, mut items: Vec<Item<'_>>) -> Result<Vec<EventId>, Error> {
        // Events with a key cost more round trips if they end, so they are settled by themselves.
        items.sort_unstable_by_key(|item| (S::UPDATE.may_end(item), item.id()));
        let packet = self.database.packet();
        let kinds = items.chunk_by(|one, next| S::UPDATE.may_end(one) == S::UPDATE.may_end(next));
        let mut pieces: Vec<_> = kinds.flat_map(|items| batches(items, packet)).collect();
        pieces.reverse();
        let mut settled = PartlySettled::default();
        while let Some(items) = pieces.pop() {
            let contention = self.contention();
            match self.run(&Settle { items, contention, kind: std::marker::PhantomData::<S> }).await {
                Ok(Applied { happened, locked }) => {
                    settled.accepted.extend(happened);
                    settled.locked.extend(locked);
                }
                Err(error) if error.is_refusal() || error.is_locked() => match items {
                    [item] if error.is_locked() => settled.locked.push(item.id()),
                    [item] if settled.is_about_rows() => {
                        settled.refused.push(Refused { id: item.id(), error });
                    }
                    [_, _, ..] => {
                        let (first, second) = items.split_at(items.len() / 2);
                        pieces.extend([second, first]);
                    }
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
        settled.into_result()
    }
}

/// A way to settle claims.
pub(crate) trait Settlement: Sync {
    const NAME: OperationName;
    const UPDATE: FencedUpdate;
}

struct Settle<'a, S> {
    items: &'a [Item<'a>],
    contention: Contention,
    kind: std::marker::PhantomData<S>,
}

impl<S: Settlement> Operation for Settle<'_, S> {
    const NAME: OperationName = S::NAME;
    type Output = Applied;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Applied, sqlx::Error> {
        S::UPDATE.apply(self.items, &self.contention, connection).await
    }
}

pub(crate) struct Complete;

impl Settlement for Complete {
    const NAME: OperationName = OperationName::Complete;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: "e.valor = item.text, e.processing = 0, e.lease_until = NULL, \
              e.due = UTC_TIMESTAMP(6), e.done_at = UTC_TIMESTAMP(6), e.key_number = NULL",
        ends: Ends::Always,
        happened: "e.token = item.token AND e.state = 2 AND e.valor = item.text COLLATE utf8mb4_bin",
    };
}

/// Value of an item's number that gives the event up.
const DEAD: i64 = -1;

struct Fail;

impl Settlement for Fail {
    const NAME: OperationName = OperationName::Fail;
    // The token grows, so that the claim also ends if a classic program, which does not change the token, claims the event next.
    const UPDATE: FencedUpdate = FencedUpdate {
        set: concat!(
            "e.processing = IF(item.number < 0, 3, 2), e.error = item.text, e.token = e.token + 1, \
             e.lease_until = NULL, e.lease_milliseconds = NULL, e.max_attempts = NULL, \
             e.lost_claims = 0, \
             e.due = UTC_TIMESTAMP(6) + INTERVAL GREATEST(item.number, 0) MICROSECOND, \
             e.done_at = IF(item.number < 0, UTC_TIMESTAMP(6), NULL), \
             e.key_number = IF(item.number < 0, ",
            key_of_dead!(),
            ", e.key_number), e.lane = ",
            lane_of_type!()
        ),
        ends: Ends::Dead,
        happened: "e.token = item.token + 1 AND e.state <> 1 AND e.error = item.text COLLATE utf8mb4_bin",
    };
}

struct Release;

impl Settlement for Release {
    const NAME: OperationName = OperationName::Release;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: concat!(
            "e.token = e.token + 1, e.attempts = e.attempts - 1, e.lease_until = NULL, \
             e.lease_milliseconds = NULL, e.max_attempts = NULL, \
             e.freed_at = UTC_TIMESTAMP(6), e.due = ",
            place!(),
            ", e.processing = ",
            free!(),
            ", e.lane = ",
            lane_of_type!()
        ),
        ends: Ends::Never,
        happened: "e.token = item.token + 1 AND e.state <= 0",
    };
}

struct Extend;

impl Settlement for Extend {
    const NAME: OperationName = OperationName::Extend;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: "e.due = UTC_TIMESTAMP(6) + INTERVAL item.number MICROSECOND, \
              e.lease_until = UTC_TIMESTAMP(6) + INTERVAL item.number MICROSECOND",
        ends: Ends::Never,
        happened: "e.token = item.token AND e.state = 1",
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Isolation;

    #[test]
    fn a_long_error_is_truncated_between_characters() {
        let claim = Claimed {
            id: EventId::from_row(1),
            token: 1,
            attempt: 1,
            payload: None,
            age: Duration::ZERO,
            event_type: None,
            key: None,
            trace: None,
            isolation: Isolation::None,
        };
        let failure = |error: String| Failure { claim: claim.clone(), error, next: Next::Dead };
        assert_eq!(failure("ç".repeat(1001)).kept(), "ç".repeat(1000));
        assert_eq!(failure("ç".repeat(1000)).kept(), "ç".repeat(1000));
        assert_eq!(failure(String::new()).kept(), "");
    }
}
