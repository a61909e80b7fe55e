//! Two connections that want the same event at once: one of them gets it, the other knows that it did not, and nothing is
//! lost. Each race is run often enough to end both ways; what holds must hold either way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventpipeline_database::{
    Change, Claimed, Completion, EventId, Failure, Finished, Lease, LowWaterMark, Next, Session, State, Value,
};
use eventpipeline_testkit::eventually;

use crate::support::{LONG, claim, claim_for, create, has_due, ids, on_each, reclaim};

const SHORT: Duration = Duration::from_millis(1);

fn id(id: i64) -> EventId {
    EventId::new(id).unwrap()
}

fn answer(claim: &Claimed, text: &str) -> Completion {
    Completion { claim: claim.clone(), value: Value::new(text).unwrap() }
}

/// Waits until a claim's lease is over, by the database's clock.
async fn overdue(session: &mut Session) {
    eventually(async || {
        let event = session.event(id(1)).await.unwrap().unwrap();
        (event.due < jiff::Timestamp::now()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn claim_against_claim() {
    on_each(async |fixture| {
        let (mut one, mut other) = (fixture.session(), fixture.session());
        create(&mut one, 100).await;
        let (first, second) = tokio::join!(claim(&mut one, 100), claim(&mut other, 100));
        let mut all = [ids(&first), ids(&second)].concat();
        // What one was looking at while the other claimed is left for the next claim.
        all.extend(ids(&claim(&mut one, 100).await));
        all.sort_unstable();
        assert_eq!(all, (1..=100).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn complete_against_reclaim() {
    on_each(async |fixture| {
        let (mut holder, mut keeper) = (fixture.session(), fixture.session());
        create(&mut holder, 50).await;
        let claims = claim_for(&mut holder, SHORT, 50).await;
        overdue(&mut keeper).await;
        let completions: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
        let (accepted, reclaimed) = tokio::join!(holder.complete(&completions), reclaim(&mut keeper, LONG));
        let (accepted, freed) = (accepted.unwrap(), reclaimed.freed);
        // Each event went to one of them; those that neither could lock are for the next look.
        assert!(accepted.iter().all(|id| !freed.contains(id)), "{accepted:?} {freed:?}");
        let done =
            holder.read_finished(&claims.iter().map(|claim| claim.id).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(done.len(), accepted.len());
        let stats = keeper.stats().await.unwrap();
        assert_eq!(usize::try_from(stats.pending + stats.processing).unwrap() + accepted.len(), 50);
    })
    .await;
}

#[tokio::test]
async fn heartbeat_against_expiry() {
    on_each(async |fixture| {
        let (mut holder, mut keeper) = (fixture.session(), fixture.session());
        for _ in 0..20 {
            create(&mut holder, 1).await;
            let held = claim_for(&mut holder, SHORT, 1).await;
            let (extended, reclaimed) =
                tokio::join!(holder.extend(&held, Lease::new(LONG)), reclaim(&mut keeper, LONG));
            let last = match (extended.unwrap().len(), reclaimed.freed.len()) {
                // Extended: nobody else gets it.
                (1, 0) => {
                    assert!(!has_due(&mut keeper).await);
                    held
                }
                // Freed: the holder was told that it has lost it.
                (0, 1) => claim(&mut keeper, 1).await,
                other => unreachable!("extended and freed, or neither: {other:?}"),
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
        create(&mut holder, 50).await;
        let claims = claim_for(&mut holder, SHORT, 50).await;
        overdue(&mut keeper).await;
        let failures: Vec<_> = claims
            .iter()
            .map(|claim| Failure { claim: claim.clone(), error: "x".to_owned(), next: Next::Dead })
            .collect();
        let (accepted, reclaimed) = tokio::join!(holder.fail(&failures), reclaim(&mut keeper, LONG));
        let accepted = accepted.unwrap();
        assert!(accepted.iter().all(|id| !reclaimed.freed.contains(id)));
        let dead = keeper.stats().await.unwrap().dead;
        assert_eq!(usize::try_from(dead).unwrap(), accepted.len());
    })
    .await;
}

#[tokio::test]
async fn cancel_against_claim() {
    on_each(async |fixture| {
        let (mut caller, mut consumer) = (fixture.session(), fixture.session());
        for turn in 1..=20 {
            create(&mut caller, 1).await;
            let (cancelled, claims) = tokio::join!(caller.cancel(id(turn)), claim(&mut consumer, 1));
            match (cancelled.unwrap(), claims.as_slice()) {
                (Change::Changed, []) => {}
                (Change::Refused(State::Processing), [claim]) => {
                    assert_eq!(consumer.complete(&[answer(claim, "palavra")]).await.unwrap().len(), 1);
                }
                other => unreachable!("cancelled and claimed, or neither: {other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn removal_against_read() {
    on_each(async |mut fixture| {
        let (mut keeper, mut reader) = (fixture.session(), fixture.session());
        create(&mut keeper, 200).await;
        fixture.sql("UPDATE Events SET valor = 'palavra', done_at = '2020-01-01', due = done_at").await;
        let all: Vec<EventId> = (1..=200).map(id).collect();
        let reading = async {
            // Whatever is gone: what is there is whole.
            loop {
                let found = reader.read(&all).await.unwrap();
                assert!(found.iter().all(|event| event.valor == "palavra" && event.state == State::Done));
                if found.is_empty() {
                    break;
                }
            }
        };
        let removing = async {
            while keeper.remove(&mut LowWaterMark::default(), Finished::Done, LONG, 7).await.unwrap().more {}
        };
        tokio::join!(reading, removing);
        let stats = keeper.stats().await.unwrap();
        assert_eq!((stats.created, stats.removed, stats.done), (200, 200, 0));
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
                (1, Change::NotFound) => assert_eq!(there, None),
                // The removal passed over the row that was being changed, and may have taken the next one.
                (_, Change::Changed) => assert_eq!(there, Some(State::Pending)),
                (0 | 1, Change::Refused(State::Dead)) => unreachable!("dead, and not retried"),
                (_, other) => assert_eq!(other, Change::NotFound),
            }
        }
        let stats = keeper.stats().await.unwrap();
        assert_eq!(stats.created, stats.pending + stats.dead + stats.removed);
    })
    .await;
}

/// Such a consumer locks the row that it looks at, and ours look past it.
#[tokio::test]
async fn a_classic_consumer_in_mid_claim_holds_up_nobody() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
        fixture.sql("START TRANSACTION").await;
        let look = "SELECT id FROM Events WHERE valor = '' AND processing = 0 ORDER BY id LIMIT 1 FOR UPDATE";
        assert_eq!(fixture.value::<i64>(look).await, 1);
        assert_eq!(ids(&claim(&mut session, 2).await), [2, 3]);
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        fixture.sql("COMMIT").await;
        assert!(claim(&mut session, 3).await.is_empty());
    })
    .await;
}

/// Everything at once, for as long as it takes to handle 2,000 events.
#[tokio::test(flavor = "multi_thread")]
async fn everything_against_everything() {
    on_each(async |mut fixture| {
        let over = Arc::new(AtomicBool::new(false));
        create(&mut fixture.session(), 2000).await;
        let consumers: Vec<_> = (0..4)
            .map(|consumer| {
                let mut session = fixture.session();
                tokio::spawn(async move { consume(&mut session, consumer).await })
            })
            .collect();
        let keeper = {
            let (mut session, over) = (fixture.session(), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    reclaim(&mut session, SHORT).await;
                }
            })
        };
        let mut accepted = Vec::new();
        for consumer in consumers {
            accepted.extend(consumer.await.unwrap());
        }
        over.store(true, Ordering::Relaxed);
        keeper.await.unwrap();
        accepted.sort_unstable();
        assert_eq!(accepted, (1..=2000).map(id).collect::<Vec<_>>(), "each answer is accepted once");
        let wrong: i64 =
            fixture.value("SELECT COUNT(*) FROM Events WHERE valor <> CONCAT('token ', token)").await;
        assert_eq!(wrong, 0, "the answer is the last claim's");
    })
    .await;
}

/// Claims, and completes, fails, releases or forgets what it has claimed, until nothing is left.
async fn consume(session: &mut Session, consumer: usize) -> Vec<EventId> {
    let mut accepted = Vec::new();
    for turn in consumer.. {
        // Some leases are over before their events are settled.
        let lease = if turn % 3 == 0 { SHORT } else { LONG };
        let claims = claim_for(session, lease, 1 + turn % 40).await;
        if claims.is_empty() {
            let stats = session.stats().await.unwrap();
            if stats.pending + stats.scheduled + stats.processing == 0 {
                break;
            }
        }
        let (work, rest) = claims.split_at(claims.len() * 3 / 4);
        let retry = Next::Retry { after: Duration::ZERO };
        let failures: Vec<_> = rest
            .iter()
            .map(|claim| Failure { claim: claim.clone(), error: "x".to_owned(), next: retry })
            .collect();
        match turn % 4 {
            0 => session.release(rest).await.unwrap(),
            1 => drop(session.fail(&failures).await.unwrap()),
            2 => drop(session.extend(rest, Lease::new(SHORT)).await.unwrap()),
            _ => {}
        }
        // What is left of the rest is settled too, late: it may have been freed, or claimed by somebody else.
        let completions: Vec<_> =
            work.iter().chain(rest).map(|claim| answer(claim, &format!("token {}", claim.token))).collect();
        accepted.extend(session.complete(&completions).await.unwrap());
    }
    accepted
}
