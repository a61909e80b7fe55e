//! Many events and many connections at once: no event is handled twice or left over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventpipeline_database::{Error, EventId, Failure, Finished, Lease, LowWaterMark, Next, Session, State};

use crate::support::{LONG, answer, claim, claim_for, create, event_id as id, ids, on_each, reclaim};

const SHORT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn concurrent_claims_share_the_events() {
    on_each(async |fixture| {
        let (mut one, mut other) = (fixture.session(), fixture.session());
        create(&mut one, 100).await;
        let (first, second) = tokio::join!(claim(&mut one, 100), claim(&mut other, 100));
        let mut all = [ids(&first), ids(&second)].concat();
        // Events that one claim had locked while the other ran are left for the next claim.
        all.extend(ids(&claim(&mut one, 100).await));
        all.sort_unstable();
        assert_eq!(all, (1..=100).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn removal_of_many_events_against_reads() {
    on_each(async |mut fixture| {
        let (mut keeper, mut reader) = (fixture.session(), fixture.session());
        create(&mut keeper, 200).await;
        fixture.sql("UPDATE Events SET valor = 'palavra', done_at = '2020-01-01', due = done_at").await;
        let all: Vec<EventId> = (1..=200).map(id).collect();
        let reading = async {
            // Every event that still exists is complete.
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

/// Runs everything concurrently until 2,000 events are handled.
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
        assert_eq!(accepted, (1..=2000).map(id).collect::<Vec<_>>(), "each completion is accepted once");
        let wrong: i64 =
            fixture.value("SELECT COUNT(*) FROM Events WHERE valor <> CONCAT('token ', token)").await;
        assert_eq!(wrong, 0, "the value is the last claim's");
    })
    .await;
}

/// Claims events and completes, fails, releases or abandons them, until none is left.
async fn consume(session: &mut Session, consumer: usize) -> Vec<EventId> {
    let mut accepted = Vec::new();
    for turn in consumer.. {
        // Some leases expire before their events are settled.
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
            0 => drop(done(session.release(rest).await.map(|()| Vec::new()))),
            1 => drop(done(session.fail(&failures).await)),
            2 => drop(done(session.extend(rest, Lease::new(SHORT)).await)),
            _ => {}
        }
        // The rest is completed late: it may have been reclaimed, or claimed by another consumer.
        let mut completions: Vec<_> =
            work.iter().chain(rest).map(|claim| answer(claim, &format!("token {}", claim.token))).collect();
        while !completions.is_empty() {
            let (settled, locked) = done(session.complete(&completions).await);
            accepted.extend(settled);
            completions.retain(|completion| locked.contains(&completion.claim.id));
        }
    }
    accepted
}

/// Returns the settled events and the locked ones.
fn done(settled: Result<Vec<EventId>, Error>) -> (Vec<EventId>, Vec<EventId>) {
    match settled {
        Ok(settled) => (settled, Vec::new()),
        Err(Error::PartlySettled(partly)) if partly.refused.is_empty() => (partly.accepted, partly.locked),
        Err(failure) => unreachable!("{failure:?}"),
    }
}
