//! Rows that another program has locked, and changes that the database refuses: neither affects other events.

use std::time::{Duration, Instant};

use eventpipeline_database::{
    Claimed, Error, EventId, Failure, Lease, Next, PartlySettled, State, Transition,
};
use sqlx::Executor as _;

use crate::support::{Fixture, LONG, answer, claim, claim_for, create, event_id as id, on_each, reclaim};

/// Minimum time that a statement waits for a lock.
const LOCK_WAIT: Duration = Duration::from_secs(1);

fn failures(claims: &[Claimed]) -> Vec<Failure> {
    let next = Next::Retry { after: Duration::ZERO };
    claims.iter().map(|claim| Failure { claim: claim.clone(), error: "não".to_owned(), next }).collect()
}

#[track_caller]
#[expect(clippy::panic, reason = "a test that cannot go on fails")]
fn partly<T: std::fmt::Debug>(result: Result<T, Error>) -> PartlySettled {
    match result {
        Err(Error::PartlySettled(partly)) => *partly,
        other => panic!("not settled in part: {other:?}"),
    }
}

/// Locks an event like a transaction that another program left open.
async fn lock(fixture: &mut Fixture, id: i64) {
    fixture.sql("START TRANSACTION").await;
    let statement = format!("SELECT id FROM Events WHERE id = {id} FOR SHARE");
    // MariaDB has a different syntax.
    let older = format!("SELECT id FROM Events WHERE id = {id} LOCK IN SHARE MODE");
    if fixture.other.execute(sqlx::AssertSqlSafe(statement)).await.is_err() {
        fixture.other.execute(sqlx::AssertSqlSafe(older)).await.unwrap();
    }
}

fn all_but(locked: i64, of: std::ops::RangeInclusive<i64>) -> Vec<EventId> {
    of.filter(|other| *other != locked).map(id).collect()
}

#[tokio::test]
async fn a_locked_event_does_not_prevent_other_completions() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 40).await;
        let claims = claim(&mut session, 40).await;
        lock(&mut fixture, 3).await;
        let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
        let settled = partly(session.complete(&answers[..10]).await);
        assert_eq!((settled.accepted, settled.locked), (all_but(3, 1..=10), vec![id(3)]));
        // After a lock was met, no session waits for one. A busy machine may be slow nevertheless, but not each time.
        let mut other = fixture.session();
        let mut fastest = Duration::MAX;
        for _ in 0..10 {
            let begun = Instant::now();
            for (session, batch) in [(&mut session, &answers[10..20]), (&mut other, &answers[20..])] {
                let with_locked = [&answers[2..3], batch].concat();
                assert_eq!(partly(session.complete(&with_locked).await).locked, [id(3)]);
            }
            fastest = fastest.min(begun.elapsed());
        }
        assert!(fastest < LOCK_WAIT, "{fastest:?}");
        fixture.sql("ROLLBACK").await;
        assert_eq!(session.complete(&answers[2..3]).await.unwrap(), [id(3)]);
        // Settled events stay settled, and a repetition is accepted.
        assert_eq!(session.complete(&answers).await.unwrap().len(), 40);
        assert_eq!(session.stats().await.unwrap().done, 40);
    })
    .await;
}

#[tokio::test]
async fn a_locked_event_does_not_prevent_other_settlements() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 30).await;
        let claims = claim(&mut session, 30).await;
        lock(&mut fixture, 5).await;
        let extended = partly(session.extend(&claims[..10], Lease::new(LONG)).await);
        assert_eq!((extended.accepted, extended.locked), (all_but(5, 1..=10), vec![id(5)]));
        let with_locked = [&claims[4..5], &claims[10..20]].concat();
        let failed = partly(session.fail(&failures(&with_locked)).await);
        assert_eq!((failed.accepted, failed.locked), (all_but(5, 11..=20), vec![id(5)]));
        let with_locked = [&claims[4..5], &claims[20..]].concat();
        assert_eq!(partly(session.release(&with_locked).await).locked, [id(5)]);
        fixture.sql("ROLLBACK").await;
        session.release(&claims[4..5]).await.unwrap();
        assert_eq!(session.stats().await.unwrap().pending, 21);
    })
    .await;
}

/// A lost claim or a removed event is not reported as locked.
#[tokio::test]
async fn a_lost_claim_is_reported_even_while_other_events_are_locked() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 4).await;
        let claims = claim_for(&mut session, Duration::ZERO, 4).await;
        while reclaim(&mut fixture.session(), LONG).await.freed.is_empty() {}
        fixture.sql("DELETE FROM Events WHERE id = 4").await;
        let again = claim(&mut session, 1).await;
        lock(&mut fixture, 2).await;
        let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "tarde")).collect();
        let settled = partly(session.complete(&answers).await);
        assert_eq!((settled.accepted, settled.locked), (Vec::new(), vec![id(2)]));
        let mixed = [answers[1].clone(), answer(&again[0], "cedo")];
        assert_eq!(partly(session.complete(&mixed).await).accepted, [id(1)]);
        fixture.sql("ROLLBACK").await;
        assert_eq!(session.complete(&answers).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_transition_of_a_locked_event_is_refused_soon() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        lock(&mut fixture, 1).await;
        assert_eq!(session.cancel(id(1)).await.unwrap(), Transition::Locked);
        assert_eq!(session.retry(id(1)).await.unwrap(), Transition::Locked);
        assert_eq!(session.cancel(id(2)).await.unwrap(), Transition::Changed);
        fixture.sql("ROLLBACK").await;
        assert_eq!(session.cancel(id(1)).await.unwrap(), Transition::Changed);
        assert_eq!(session.cancel(id(1)).await.unwrap(), Transition::Refused(State::Cancelled));
        assert_eq!(session.cancel(id(3)).await.unwrap(), Transition::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_completion_that_the_database_refuses_does_not_prevent_others() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 100).await;
        let trigger = "CREATE TRIGGER refuses BEFORE UPDATE ON Events FOR EACH ROW \
             IF NEW.id IN (5, 77) AND NEW.valor <> '' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF";
        fixture.other.execute(sqlx::raw_sql(trigger)).await.unwrap();
        let claims = claim(&mut session, 100).await;
        let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
        let settled = partly(session.complete(&answers).await);
        assert_eq!((settled.accepted.len(), settled.locked), (98, Vec::new()));
        assert_eq!(settled.refused.iter().map(|refused| refused.id).collect::<Vec<_>>(), [id(5), id(77)]);
        let lost = [claims[4].clone(), claims[76].clone()];
        assert_eq!(session.fail(&failures(&lost)).await.unwrap(), [id(5), id(77)]);
    })
    .await;
}

/// The refusal does not concern single events, so it is not repeated for each of them.
#[tokio::test]
async fn a_database_that_refuses_every_completion_is_reported_as_a_whole() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 200).await;
        let trigger = "CREATE TRIGGER refuses BEFORE UPDATE ON Events FOR EACH ROW \
             IF NEW.valor <> '' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF";
        let claims = claim(&mut session, 200).await;
        fixture.other.execute(sqlx::raw_sql(trigger)).await.unwrap();
        let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
        let refused = session.complete(&answers).await.unwrap_err();
        assert!(refused.is_refusal(), "{refused:?}");
        fixture.sql("DROP TRIGGER refuses").await;
        assert_eq!(session.complete(&answers).await.unwrap().len(), 200);
    })
    .await;
}
