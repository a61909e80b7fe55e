//! Settling claims: events get their answers, are to be tried again, or are given up. All of it is fenced.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;

use crate::caution::Caution;
use crate::claim::{Claimed, Lease};
use crate::error::Error;
use crate::event::{EventId, Value};
use crate::fenced::{Applied, FencedUpdate, Item, batches};
use crate::operations::OperationName;
use crate::reclaim::place;
use crate::session::{Operation, Session};
use crate::time::microseconds;

/// The answer to a claimed event.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The claim that it settles.
    pub claim: Claimed,
    /// The answer.
    pub value: Value,
}

/// A failed attempt at a claimed event.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The claim that it settles.
    pub claim: Claimed,
    /// Why it failed; [`Failure::MAX_CHARS`] characters of it are kept.
    pub error: String,
    /// What is to become of the event.
    pub next: Next,
}

/// What becomes of an event whose attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It may be claimed again.
    Retry {
        /// Not before this time has passed.
        after: Duration,
    },
    /// It is given up.
    Dead,
}

impl Failure {
    /// The width of `Events.error`, in characters.
    pub const MAX_CHARS: usize = 1000;

    fn kept(&self) -> &str {
        let end = self.error.char_indices().nth(Self::MAX_CHARS).map_or(self.error.len(), |(index, _)| index);
        self.error.get(..end).unwrap_or_default()
    }
}

/// Each of these says with [`Error::PartlySettled`] that some events could not be settled for locks of other clients, or because the
/// database refused it; the other events are settled all the same.
impl Session {
    /// Writes answers and gives the ids of those that were accepted. An answer is refused when the event was claimed
    /// again since, or has its answer: what comes late changes nothing. One statement for 512 of them, or a mebibyte.
    pub async fn complete(&mut self, completions: &[Completion]) -> Result<Vec<EventId>, Error> {
        let items = completions.iter().map(|done| Item::new(&done.claim, done.value.as_str(), 0));
        self.settle::<Complete>(items.collect()).await
    }

    /// Gives events back, to be tried again later, or gives them up. Gives the ids of those whose claim still held.
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

    /// Gives events back to their places in line, unbegun: the attempt is not counted.
    pub async fn release(&mut self, claims: &[Claimed]) -> Result<(), Error> {
        let items = claims.iter().map(|claim| Item::new(claim, "", 0));
        self.settle::<Release>(items.collect()).await.map(drop)
    }

    /// Begins the leases of claims anew and gives the ids of those that still hold. Whoever works on another one should
    /// stop: its answer will be refused.
    pub async fn extend(&mut self, claims: &[Claimed], lease: Lease) -> Result<Vec<EventId>, Error> {
        let items = claims.iter().map(|claim| Item::new(claim, "", microseconds(lease.0)));
        self.settle::<Extend>(items.collect()).await
    }

    /// In pieces that one statement takes. One that the database refuses is halved until it is known which claims it is about.
    async fn settle<K: Kind>(&mut self, mut items: Vec<Item<'_>>) -> Result<Vec<EventId>, Error> {
        items.sort_unstable_by_key(Item::id);
        let mut pieces: Vec<_> = batches(&items, self.database.packet()).collect();
        pieces.reverse();
        let mut settled = PartlySettled::default();
        while let Some(items) = pieces.pop() {
            let caution = self.caution();
            match self.run(&Settle { items, caution, kind: std::marker::PhantomData::<K> }).await {
                Ok(Applied { happened, locked }) => {
                    settled.accepted.extend(happened);
                    settled.locked.extend(locked);
                }
                Err(error) if error.is_refusal() || error.is_locked() => match items {
                    [item] if error.is_locked() => settled.locked.push(item.id()),
                    [item] if settled.is_of_the_rows() => {
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

/// What became of claims, where some of them could not be settled. Those that are not named were over.
#[derive(Debug, Default, thiserror::Error)]
#[error("{} events are locked by other clients, and {} are refused", .locked.len(), .refused.len())]
pub struct PartlySettled {
    /// These were settled.
    pub accepted: Vec<EventId>,
    /// Another client of the database keeps these locked: nothing is known of their claims.
    pub locked: Vec<EventId>,
    /// The database refuses what was to be written.
    pub refused: Vec<Refused>,
}

/// A claim that the database refuses to have settled so.
#[derive(Debug)]
pub struct Refused {
    /// The event.
    pub id: EventId,
    /// What the database says.
    pub error: Error,
}

impl PartlySettled {
    /// So many refusals in a row, and nothing else, are about everything that is written, not about single events.
    const MANY: usize = 16;

    fn is_of_the_rows(&self) -> bool {
        !self.accepted.is_empty() || self.refused.len() < Self::MANY
    }

    fn into_result(self) -> Result<Vec<EventId>, Error> {
        if self.locked.is_empty() && self.refused.is_empty() {
            Ok(self.accepted)
        } else {
            Err(Error::PartlySettled(Box::new(self)))
        }
    }
}

/// A way of settling claims.
pub(crate) trait Kind: Sync {
    const NAME: OperationName;
    const UPDATE: FencedUpdate;
}

struct Settle<'a, K> {
    items: &'a [Item<'a>],
    caution: Caution,
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind> Operation for Settle<'_, K> {
    const NAME: OperationName = K::NAME;
    type Output = Applied;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Applied, sqlx::Error> {
        K::UPDATE.apply(self.items, &self.caution, connection).await
    }
}

pub(crate) struct Complete;

impl Kind for Complete {
    const NAME: OperationName = OperationName::Complete;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: "e.valor = item.text, e.processing = 0, e.lease_until = NULL, \
              e.due = UTC_TIMESTAMP(6), e.done_at = UTC_TIMESTAMP(6)",
        happened: "e.token = item.token AND e.state = 2 AND e.valor = item.text COLLATE utf8mb4_bin",
    };
}

/// In an item's number: no pause, the event is given up.
const DEAD: i64 = -1;

struct Fail;

impl Kind for Fail {
    const NAME: OperationName = OperationName::Fail;
    // The token grows, so that the claim is over also where a classic program, which moves no token, takes the event next.
    const UPDATE: FencedUpdate = FencedUpdate {
        set: "e.processing = IF(item.number < 0, 3, 2), e.error = item.text, e.token = e.token + 1, \
              e.lease_until = NULL, e.lease_milliseconds = NULL, e.max_attempts = NULL, \
              e.lost_claims = 0, \
              e.due = UTC_TIMESTAMP(6) + INTERVAL GREATEST(item.number, 0) MICROSECOND, \
              e.done_at = IF(item.number < 0, UTC_TIMESTAMP(6), NULL)",
        happened: "e.token = item.token + 1 AND e.state <> 1 AND e.error = item.text COLLATE utf8mb4_bin",
    };
}

struct Release;

impl Kind for Release {
    const NAME: OperationName = OperationName::Release;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: concat!(
            "e.processing = 0, e.token = e.token + 1, e.attempts = e.attempts - 1, e.lease_until = NULL, \
             e.lease_milliseconds = NULL, e.max_attempts = NULL, \
             e.freed_at = UTC_TIMESTAMP(6), e.due = ",
            place!()
        ),
        happened: "e.token = item.token + 1 AND e.state = 0",
    };
}

struct Extend;

impl Kind for Extend {
    const NAME: OperationName = OperationName::Extend;
    const UPDATE: FencedUpdate = FencedUpdate {
        set: "e.due = UTC_TIMESTAMP(6) + INTERVAL item.number MICROSECOND, \
              e.lease_until = UTC_TIMESTAMP(6) + INTERVAL item.number MICROSECOND",
        happened: "e.token = item.token AND e.state = 1",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let claim = Claimed {
            id: EventId::from_row(1),
            token: 1,
            attempt: 1,
            payload: None,
            age: Duration::ZERO,
            trace: None,
            alone: false,
        };
        let failure = |error: String| Failure { claim: claim.clone(), error, next: Next::Dead };
        assert_eq!(failure("ç".repeat(1001)).kept(), "ç".repeat(1000));
        assert_eq!(failure("ç".repeat(1000)).kept(), "ç".repeat(1000));
        assert_eq!(failure(String::new()).kept(), "");
    }
}
