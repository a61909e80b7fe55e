//! I5: events of a crashed consumer become free again, and no others do.

use std::time::Duration;

use eventpipeline_database::{
    Claimed, Completion, Failure, HotStatement, Isolation, Lane, Lease, LowWaterMark, MaxAttempts, Next,
    Session, State, Value,
};
use eventpipeline_testkit::eventually;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::{
    Fixture, LONG, MAX_ATTEMPTS, answer, claim, claim_for, claim_to_try, create, event_id, ids, on_each,
    reclaim, watch,
};

const SHORT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn only_claims_past_their_lease_are_freed() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 4).await;
        claim_for(&mut session, SHORT, 2).await;
        claim(&mut session, 1).await;
        let freed = eventually(async || {
            let freed = reclaim(&mut session, LONG).await.freed;
            (freed.len() == 2).then_some(freed)
        })
        .await;
        assert_eq!(freed.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        for next in [vec![1, 2], vec![4]] {
            assert_eq!(ids(&claim(&mut session, 10).await), next);
        }
    })
    .await;
}

#[tokio::test]
async fn a_classic_claim_gets_a_lease_when_it_is_first_seen() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        watch(&mut session).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        assert_eq!(reclaim(&mut session, SHORT).await.freed, []);
        eventually(async || (reclaim(&mut session, SHORT).await.freed.len() == 1).then_some(())).await;
        assert_eq!(ids(&claim(&mut session, 1).await), [1]);
    })
    .await;
}

#[tokio::test]
async fn a_locked_claim_is_not_reclaimed() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 1).await;
        fixture
            .sql("UPDATE Events SET processing = 1, due = '2020-01-01', lease_until = due WHERE id = 1")
            .await;
        fixture.sql("START TRANSACTION").await;
        fixture.sql("UPDATE Events SET valor = 'classic', processing = 0 WHERE id = 1").await;
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        fixture.sql("COMMIT").await;
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        assert_eq!(fixture.value::<String>("SELECT valor FROM Events").await, "classic");
    })
    .await;
}

/// A classic consumer does not change the token, so the reclaim must have incremented it already.
#[tokio::test]
async fn the_previous_owner_is_fenced_off_even_if_a_classic_consumer_claims_the_event() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let frozen = claim_for(&mut session, SHORT, 1).await.remove(0);
        eventually(async || (reclaim(&mut session, LONG).await.freed.len() == 1).then_some(())).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        let late = Completion { claim: frozen, value: Value::new("tarde").unwrap() };
        assert_eq!(session.complete(&[late]).await.unwrap(), []);
    })
    .await;
}

/// During an outage no owner can extend its lease, and a step of the clock ends or prolongs all leases.
#[tokio::test]
async fn after_an_outage_or_a_clock_step_owners_have_a_full_lease_to_return() {
    const AWAY: [&str; 3] = [
        "UPDATE KeeperPulse SET seen_at = seen_at - INTERVAL 1 HOUR",
        "UPDATE KeeperPulse SET seen_at = seen_at + INTERVAL 1 HOUR",
        "DELETE FROM KeeperPulse",
    ];
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        for away in AWAY {
            create(&mut session, 3).await;
            let claims = claim(&mut session, 3).await;
            watch(&mut session).await;
            fixture.sql("UPDATE Events SET due = '2020-01-01', lease_until = due WHERE state = 1 AND id % 3 = 1").await;
            fixture.sql("UPDATE Events SET due = due + INTERVAL 10 DAY, lease_until = due WHERE state = 1 AND id % 3 = 2").await;
            fixture.sql(away).await;
            // Any reclaimer finds the gap, even a newly started one, but only once.
            let mut keeper = fixture.session();
            assert_eq!(reclaim(&mut keeper, LONG).await.renewed, Some(3), "{away}");
            let next = reclaim(&mut session, LONG).await;
            assert_eq!((next.renewed, next.freed, next.dead), (None, vec![], vec![]));
            let leases = "SELECT COUNT(*) FROM Events WHERE state = 1 AND lease_until = due \
                 AND due BETWEEN UTC_TIMESTAMP(6) + INTERVAL 5 MINUTE AND UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE";
            assert_eq!(fixture.value::<i64>(leases).await, 3, "{away}");
            let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "guardada")).collect();
            assert_eq!(session.complete(&answers).await.unwrap().len(), 3);
            fixture.sql("DELETE FROM KeeperPulse").await;
        }
    })
    .await;
}

/// A frozen server executes statements late. The check of the pulse and the reclaim are separate statements.
#[tokio::test]
async fn statements_that_a_frozen_server_executes_late_free_nothing() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        claim(&mut session, 1).await;
        watch(&mut session).await;
        fixture.sql("UPDATE Events SET due = '2020-01-01'").await;
        let text = HotStatement::Reclaim.text(Lane::DEFAULT, None);
        let mut found = async |sql| {
            fixture.sql(sql).await;
            let rows = sqlx::raw_sql(AssertSqlSafe(text.clone()));
            fixture.other.fetch_all(rows).await.unwrap().len()
        };
        assert_eq!(found("DO 0").await, 1);
        assert_eq!(found("UPDATE KeeperPulse SET seen_at = UTC_TIMESTAMP(6) - INTERVAL 40 SECOND").await, 0);
        assert_eq!(found("UPDATE KeeperPulse SET seen_at = UTC_TIMESTAMP(6) + INTERVAL 40 SECOND").await, 0);
    })
    .await;
}

#[tokio::test]
async fn reclaimers_with_a_long_lease_notice_what_endangers_short_leases() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let [short, long] = [60, 600].map(Duration::from_secs);
        assert!(reclaim(&mut session, long).await.renewed.is_some());
        fixture.sql("UPDATE KeeperPulse SET seen_at = seen_at - INTERVAL 4 SECOND").await;
        assert_eq!(reclaim(&mut session, short).await.renewed, None);
        fixture.sql("UPDATE KeeperPulse SET seen_at = seen_at - INTERVAL 40 SECOND").await;
        assert_eq!(reclaim(&mut session, long).await.renewed, Some(0));
        // The reclaimer with the short lease has stopped.
        fixture.sql("UPDATE KeeperPulse SET seen_at = seen_at - INTERVAL 40 SECOND").await;
        assert_eq!(reclaim(&mut session, long).await.renewed, None);
    })
    .await;
}

/// The reclaimer may belong to another group with other limits.
#[tokio::test]
async fn the_limits_of_a_claim_are_those_of_its_owner() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 2).await;
        claim(&mut session, 2).await;
        fixture.sql("UPDATE Events SET due = '2020-01-01', lease_until = due WHERE id = 1").await;
        let once = MaxAttempts::new(1).unwrap();
        let reclaimed = session.reclaim(&mut LowWaterMark::default(), Lease::new(LONG), once).await.unwrap();
        assert_eq!((reclaimed.freed, reclaimed.dead), (vec![event_id(1)], vec![]));
        // A program that does not store a limit.
        fixture.sql("UPDATE Events SET due = '2020-01-01', max_attempts = NULL WHERE id = 2").await;
        let reclaimed = session.reclaim(&mut LowWaterMark::default(), Lease::new(LONG), once).await.unwrap();
        assert_eq!((reclaimed.freed, reclaimed.dead), (vec![], vec![event_id(2)]));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_crashed_a_classic_consumer_has_an_error() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 1).await;
        // One of our consumers had it before, and must not be blamed.
        let claims = claim(&mut session, 1).await;
        session.release(&claims).await.unwrap();
        fixture.sql("UPDATE Events SET processing = 1, attempts = 1").await;
        assert_eq!(reclaim(&mut session, SHORT).await.dead, []);
        let once = MaxAttempts::new(1).unwrap();
        eventually(async || {
            let mark = &mut LowWaterMark::default();
            let reclaimed = session.reclaim(mark, Lease::new(SHORT), once).await.unwrap();
            (!reclaimed.dead.is_empty()).then_some(())
        })
        .await;
        let dead = session.event(event_id(1)).await.unwrap().unwrap();
        assert_eq!((dead.state, dead.owner), (State::Dead, None));
        let error = "claimed 1 times, the last time by a program without leases, which did not settle it in its lease";
        assert_eq!(dead.error.as_deref(), Some(error));
    })
    .await;
}

/// Each event of a crashed consumer may have caused the crash. Handled with all others, they would crash the next one together.
#[tokio::test]
async fn events_whose_leases_expired_are_claimed_without_others() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 3).await;
        claim(&mut session, 2).await;
        lose(&mut fixture, &mut session).await;
        create(&mut session, 1).await;
        let group = claim(&mut session, 10).await;
        assert_eq!((ids(&group), group[1].isolation), (vec![1, 2], Isolation::Group));
        // A released event is still suspect.
        session.release(&group).await.unwrap();
        assert_eq!(ids(&claim(&mut session, 10).await), [1, 2]);
        lose(&mut fixture, &mut session).await;
        let first = claim(&mut session, 10).await;
        assert_eq!((ids(&first), first[0].isolation), (vec![1], Isolation::Alone));
        // It did not crash the consumer, so it need not be alone again.
        fail(&mut session, first).await;
        let second = claim(&mut session, 10).await;
        assert_eq!((ids(&second), second[0].isolation), (vec![2], Isolation::Alone));
        let rest = claim(&mut session, 10).await;
        assert_eq!(ids(&rest), [3, 4, 1]);
        assert!(rest.iter().all(|claim| claim.isolation == Isolation::None));
    })
    .await;
}

/// No event loses its last attempt because of another one.
#[tokio::test]
async fn the_last_attempt_after_a_lost_claim_is_alone() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 3).await;
        for _ in 2..MAX_ATTEMPTS {
            let claims = claim_to_try(&mut session, LONG, 10).await;
            fail(&mut session, claims).await;
        }
        let claims = claim_to_try(&mut session, LONG, 10).await;
        assert_eq!((claims.len(), claims[0].isolation), (3, Isolation::None));
        lose(&mut fixture, &mut session).await;
        for _ in 0..3 {
            let claims = claim_to_try(&mut session, LONG, 10).await;
            assert_eq!((claims.len(), claims[0].isolation), (1, Isolation::Alone));
        }
    })
    .await;
}

#[tokio::test]
async fn a_group_of_events_whose_leases_expired_has_a_limit() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, Isolation::LARGEST_GROUP + 1).await;
        claim(&mut session, Isolation::LARGEST_GROUP + 1).await;
        lose(&mut fixture, &mut session).await;
        assert_eq!(claim(&mut session, 1000).await.len(), Isolation::LARGEST_GROUP);
        assert_eq!(claim(&mut session, 1000).await.len(), 1);
    })
    .await;
}

/// Expires all claims, and reclaims them.
async fn lose(fixture: &mut Fixture, session: &mut Session) {
    fixture.sql("UPDATE Events SET due = '2020-01-01', lease_until = due WHERE state = 1").await;
    reclaim(session, LONG).await;
}

/// Fails claims, so that their events are due again.
async fn fail(session: &mut Session, claims: Vec<Claimed>) {
    let retry = Next::Retry { after: Duration::ZERO };
    let failure = |claim| Failure { claim, error: String::new(), next: retry };
    session.fail(&claims.into_iter().map(failure).collect::<Vec<_>>()).await.unwrap();
}
