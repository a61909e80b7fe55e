//! Races of two connections for the same event: one gets it, the other learns that it did not, and no event is lost. Each race
//! is repeated until both have won. The invariants must hold either way.

use std::time::Duration;

use eventpipeline_database::{Failure, Finished, Lease, LowWaterMark, Next, State, Transition};

use crate::support::{
    LONG, answer, claim, claim_for, create, event_id as id, has_due, ids, on_each, reclaim, watch,
};

/// A lease that expires at once.
const NONE: Duration = Duration::ZERO;

/// The winner of a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Winner {
    One,
    Other,
}

/// The results of a race so far.
#[derive(Debug, Default)]
struct Ends {
    one: u32,
    other: u32,
}

impl Ends {
    /// Required number of wins of each side, and the maximum number of races.
    const EACH: u32 = 5;
    const MOST: u32 = 2000;

    fn go_on(&self) -> bool {
        assert!(self.one + self.other < Self::MOST, "it always ends the same way: {self:?}");
        self.one.min(self.other) < Self::EACH
    }

    fn count(&mut self, winner: Winner) {
        match winner {
            Winner::One => self.one += 1,
            Winner::Other => self.other += 1,
        }
    }
}

/// Runs both futures concurrently, one of them slightly later at random.
fn race<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> impl Future<Output = (A, B)> {
    let late = Duration::from_micros(rand::random_range(0..4) * 700);
    let (first, second) = if rand::random() { (late, Duration::ZERO) } else { (Duration::ZERO, late) };
    // These futures are large, so they are boxed.
    let one = Box::pin(async move {
        tokio::time::sleep(first).await;
        one.await
    });
    let other = Box::pin(async move {
        tokio::time::sleep(second).await;
        other.await
    });
    async { tokio::join!(one, other) }
}

#[tokio::test]
async fn claim_against_claim() {
    on_each(async |fixture| {
        let (mut one, mut other) = (fixture.session(), fixture.session());
        let mut ends = Ends::default();
        while ends.go_on() {
            create(&mut one, 1).await;
            let (first, second) = race(claim(&mut one, 1), claim(&mut other, 1)).await;
            ends.count(match (first.len(), second.len()) {
                (1, 0) => Winner::One,
                (0, 1) => Winner::Other,
                sizes => unreachable!("claimed twice, or not at all: {sizes:?}"),
            });
        }
    })
    .await;
}

#[tokio::test]
async fn complete_against_reclaim() {
    on_each(async |fixture| {
        let (mut holder, mut keeper) = (fixture.session(), fixture.session());
        watch(&mut keeper).await;
        let mut ends = Ends::default();
        while ends.go_on() {
            create(&mut holder, 1).await;
            let held = claim_for(&mut holder, NONE, 1).await.remove(0);
            let completion = [answer(&held, "palavra")];
            let (accepted, reclaimed) = race(holder.complete(&completion), reclaim(&mut keeper, LONG)).await;
            let event = keeper.event(held.id).await.unwrap().unwrap();
            ends.count(match (accepted.unwrap().len(), reclaimed.freed.len(), event.state) {
                (1, 0, State::Done) => Winner::One,
                (0, 1, State::Pending) => {
                    // Only the value of the next claim counts.
                    let next = claim(&mut keeper, 1).await;
                    assert_eq!(holder.complete(&completion).await.unwrap(), []);
                    assert_eq!(keeper.complete(&[answer(&next[0], "outra")]).await.unwrap(), [held.id]);
                    Winner::Other
                }
                end => unreachable!("answered and freed, or neither: {end:?}"),
            });
        }
    })
    .await;
}

#[tokio::test]
async fn heartbeat_against_expiry() {
    on_each(async |fixture| {
        let (mut holder, mut keeper) = (fixture.session(), fixture.session());
        watch(&mut keeper).await;
        let mut ends = Ends::default();
        while ends.go_on() {
            create(&mut holder, 1).await;
            let held = claim_for(&mut holder, NONE, 1).await;
            let (extended, reclaimed) =
                race(holder.extend(&held, Lease::new(LONG)), reclaim(&mut keeper, LONG)).await;
            let last = match (extended.unwrap().len(), reclaimed.freed.len()) {
                // The extension won, so no other consumer gets the event.
                (1, 0) => {
                    ends.count(Winner::One);
                    assert!(!has_due(&mut keeper).await);
                    held
                }
                // The reclaim won, and the previous owner knows that its claim is lost.
                (0, 1) => {
                    ends.count(Winner::Other);
                    claim(&mut keeper, 1).await
                }
                end => unreachable!("extended and freed, or neither: {end:?}"),
            };
            assert_eq!(keeper.complete(&[answer(&last[0], "palavra")]).await.unwrap(), [last[0].id]);
        }
    })
    .await;
}

#[tokio::test]
async fn fail_against_reclaim() {
    on_each(async |fixture| {
        let (mut holder, mut keeper) = (fixture.session(), fixture.session());
        watch(&mut keeper).await;
        let mut ends = Ends::default();
        while ends.go_on() {
            create(&mut holder, 1).await;
            let held = claim_for(&mut holder, NONE, 1).await.remove(0);
            let id = held.id;
            let failure = [Failure { claim: held, error: "x".to_owned(), next: Next::Dead }];
            let (accepted, reclaimed) = race(holder.fail(&failure), reclaim(&mut keeper, LONG)).await;
            let event = keeper.event(id).await.unwrap().unwrap();
            ends.count(match (accepted.unwrap().len(), reclaimed.freed.len(), event.state) {
                (1, 0, State::Dead) => Winner::One,
                (0, 1, State::Pending) => {
                    assert_eq!(keeper.cancel(id).await.unwrap(), Transition::Changed);
                    Winner::Other
                }
                end => unreachable!("given up and freed, or neither: {end:?}"),
            });
        }
    })
    .await;
}

#[tokio::test]
async fn cancel_against_claim() {
    on_each(async |fixture| {
        let (mut caller, mut consumer) = (fixture.session(), fixture.session());
        let mut ends = Ends::default();
        while ends.go_on() {
            let created = create(&mut caller, 1).await;
            let (cancelled, claims) = race(caller.cancel(id(created[0])), claim(&mut consumer, 1)).await;
            ends.count(match (cancelled.unwrap(), claims.as_slice()) {
                (Transition::Changed, []) => Winner::One,
                (Transition::Refused(State::Processing), [claim]) => {
                    assert_eq!(consumer.complete(&[answer(claim, "palavra")]).await.unwrap().len(), 1);
                    Winner::Other
                }
                end => unreachable!("cancelled and claimed, or neither: {end:?}"),
            });
        }
    })
    .await;
}

#[tokio::test]
async fn removal_against_read() {
    on_each(async |mut fixture| {
        let (mut keeper, mut reader) = (fixture.session(), fixture.session());
        let mut ends = Ends::default();
        while ends.go_on() {
            let created = create(&mut keeper, 1).await;
            fixture.sql("UPDATE Events SET valor = 'palavra', done_at = '2020-01-01', due = done_at").await;
            let mark = &mut LowWaterMark::default();
            let (removed, read) =
                race(keeper.remove(mark, Finished::Done, LONG, 1), reader.event(id(created[0]))).await;
            assert_eq!(removed.unwrap().events, 1, "a reader delays no removal");
            // An event that still exists is complete.
            ends.count(match read.unwrap() {
                None => Winner::One,
                Some(event) => {
                    assert_eq!((event.valor.as_str(), event.state), ("palavra", State::Done));
                    Winner::Other
                }
            });
        }
        let stats = keeper.stats().await.unwrap();
        assert_eq!((stats.created, stats.done), (stats.removed, 0));
    })
    .await;
}

#[tokio::test]
async fn retry_against_removal() {
    on_each(async |mut fixture| {
        let (mut keeper, mut caller) = (fixture.session(), fixture.session());
        create(&mut keeper, 20).await;
        fixture.sql("UPDATE Events SET processing = 3, done_at = '2020-01-01', due = done_at").await;
        for turn in 1..=20 {
            let mark = &mut LowWaterMark::default();
            let (removed, retried) =
                tokio::join!(keeper.remove(mark, Finished::Dead, LONG, 1), caller.retry(id(turn)));
            let there = caller.event(id(turn)).await.unwrap().map(|event| event.state);
            match (removed.unwrap().events, retried.unwrap()) {
                (1, Transition::NotFound) => assert_eq!(there, None),
                // The removal skipped the row that was being changed, and may have taken the next one.
                (_, Transition::Changed) => assert_eq!(there, Some(State::Pending)),
                (0 | 1, Transition::Refused(State::Dead)) => unreachable!("dead, and not retried"),
                (_, other) => assert_eq!(other, Transition::NotFound),
            }
        }
        let stats = keeper.stats().await.unwrap();
        assert_eq!(stats.created, stats.pending + stats.dead + stats.removed);
    })
    .await;
}

/// The consumer locks the row that it selects, and our claims skip it.
#[tokio::test]
async fn a_classic_consumer_that_is_claiming_blocks_no_other() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
        fixture.sql("START TRANSACTION").await;
        let look = "SELECT id FROM Events WHERE valor = '' AND processing = 0 ORDER BY id LIMIT 1 FOR UPDATE";
        assert_eq!(fixture.value::<i64>(look).await, 1);
        assert_eq!(ids(&claim(&mut session, 3).await), [2, 3]);
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        fixture.sql("COMMIT").await;
        assert!(claim(&mut session, 3).await.is_empty());
    })
    .await;
}
