//! Other ends of a claim than a completion: a retry, a dead letter, an extension, a release.

use std::time::Duration;

use eventpipeline_database::{
    Claimed, Completion, EventId, Failure, Lease, NewEvent, Next, NotBefore, Priority, State, Transition,
    Value,
};
use eventpipeline_testkit::eventually;

use crate::support::{
    LONG, MAX_ATTEMPTS, claim, claim_for, claim_to_try, create, create_all, has_due, ids, on_each, reclaim,
    watch,
};

fn failure(claim: &Claimed, next: Next) -> Failure {
    Failure { claim: claim.clone(), error: "sem palavra".to_owned(), next }
}

fn answer(claim: &Claimed) -> Completion {
    Completion { claim: claim.clone(), value: Value::new("tarde").unwrap() }
}

fn id(id: i64) -> EventId {
    EventId::new(id).unwrap()
}

#[tokio::test]
async fn a_failed_attempt_is_retried_after_its_pause() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        let claims = claim(&mut session, 2).await;
        let failures = [
            failure(&claims[0], Next::Retry { after: LONG }),
            failure(&claims[1], Next::Retry { after: Duration::ZERO }),
        ];
        assert_eq!(session.fail(&failures).await.unwrap(), [id(1), id(2)]);
        assert_eq!(session.complete(&[answer(&claims[0])]).await.unwrap(), []);
        let again = claim(&mut session, 2).await;
        assert_eq!((ids(&again), again[0].attempt), (vec![2], 2));
        assert!(!has_due(&mut session).await);
        let first = session.event(id(1)).await.unwrap().unwrap();
        assert_eq!((first.state, first.error.as_deref()), (State::Pending, Some("sem palavra")));
        let free = "SELECT COUNT(*) FROM Events WHERE valor = '' AND processing = 0";
        assert_eq!(fixture.value::<i64>(free).await, 0, "a classic consumer would not wait");
    })
    .await;
}

#[tokio::test]
async fn a_dead_event_stays_dead_until_it_is_retried_by_hand() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let claims = claim(&mut session, 1).await;
        assert_eq!(session.fail(&[failure(&claims[0], Next::Dead)]).await.unwrap(), [id(1)]);
        // A repeated settlement, whose first answer was lost, is accepted again.
        assert_eq!(session.fail(&[failure(&claims[0], Next::Dead)]).await.unwrap(), [id(1)]);
        assert!(!has_due(&mut session).await);
        let dead = session.read_finished(&[id(1)]).await.unwrap();
        assert_eq!(dead[0].state, State::Dead);

        assert_eq!(session.retry(id(1)).await.unwrap(), Transition::Changed);
        assert_eq!(session.retry(id(1)).await.unwrap(), Transition::Refused(State::Pending));
        let again = claim(&mut session, 1).await;
        assert_eq!(again[0].attempt, 1);
        assert!(again[0].token > claims[0].token + 1);
        assert_eq!(session.retry(id(2)).await.unwrap(), Transition::NotFound);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_cancelled_only_before_it_is_claimed() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        claim(&mut session, 1).await;
        assert_eq!(session.cancel(id(1)).await.unwrap(), Transition::Refused(State::Processing));
        assert_eq!(session.cancel(id(2)).await.unwrap(), Transition::Changed);
        assert!(!has_due(&mut session).await);
        assert_eq!(session.event(id(2)).await.unwrap().unwrap().state, State::Cancelled);
        assert_eq!(session.retry(id(2)).await.unwrap(), Transition::Changed);
        assert_eq!(ids(&claim(&mut session, 2).await), [2]);
    })
    .await;
}

#[tokio::test]
async fn a_released_event_keeps_its_place_and_no_attempt_is_counted() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        let claims = claim(&mut session, 2).await;
        session.release(&claims).await.unwrap();
        session.release(&claims).await.unwrap();
        assert_eq!(session.complete(&[answer(&claims[0])]).await.unwrap(), []);
        let again = claim(&mut session, 3).await;
        assert_eq!(ids(&again), [1, 2, 3]);
        assert!(again.iter().all(|claim| claim.attempt == 1));
        assert!(again[0].token > claims[0].token);
    })
    .await;
}

#[tokio::test]
async fn an_extended_lease_holds_and_a_lost_claim_is_not_extended() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        watch(&mut session).await;
        let claims = claim_for(&mut session, Duration::from_millis(1), 2).await;
        assert_eq!(session.extend(&claims[..1], Lease::new(LONG)).await.unwrap(), [id(1)]);
        let freed = eventually(async || {
            let freed = reclaim(&mut session, LONG).await.freed;
            (!freed.is_empty()).then_some(freed)
        })
        .await;
        assert_eq!(freed, [id(2)]);
        assert_eq!(session.extend(&claims, Lease::new(LONG)).await.unwrap(), [id(1)]);
        assert_eq!(session.complete(&[answer(&claims[0])]).await.unwrap(), [id(1)]);
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_consumers_die_is_given_up() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        create(&mut session, 1).await;
        for attempt in 1..=i32::try_from(MAX_ATTEMPTS).unwrap() {
            let claims = eventually(async || {
                let claims = claim_to_try(&mut session, Duration::from_millis(1), 1).await;
                (!claims.is_empty()).then_some(claims)
            })
            .await;
            assert_eq!(claims[0].attempt, attempt);
            let reclaimed = eventually(async || {
                let reclaimed = reclaim(&mut session, LONG).await;
                (reclaimed != eventpipeline_database::Reclaimed::default()).then_some(reclaimed)
            })
            .await;
            assert_eq!(reclaimed.dead.len(), usize::from(attempt == 3));
            assert_eq!(session.complete(&[answer(&claims[0])]).await.unwrap(), []);
        }
        let dead = session.event(id(1)).await.unwrap().unwrap();
        assert_eq!((dead.state, dead.attempts), (State::Dead, 3));
        assert!(dead.error.unwrap().contains("claimed 3 times, the last time by test"));
    })
    .await;
}

/// I1: the API documents that a retry reverts a cancellation.
#[tokio::test]
async fn a_cancelled_and_retried_event_still_waits_for_its_time() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let later = NewEvent {
            not_before: Some(NotBefore::At("2090-01-01T00:00:00Z".parse().unwrap())),
            priority: Priority::MAX,
            ..NewEvent::default()
        };
        create_all(&mut session, vec![later.clone(), later, NewEvent::default()]).await;
        // Programs of the previous version create events like this.
        fixture.sql("UPDATE Events SET not_before = NULL WHERE id = 2").await;
        for event in [1, 2, 3].map(id) {
            assert_eq!(session.cancel(event).await.unwrap(), Transition::Changed);
            assert_eq!(session.retry(event).await.unwrap(), Transition::Changed);
        }
        assert_eq!(ids(&claim(&mut session, 10).await), [3]);
        let free = "SELECT COUNT(*) FROM Events WHERE valor = '' AND processing = 0";
        assert_eq!(fixture.value::<i64>(free).await, 0, "a classic consumer would not wait");
        let event = session.event(id(2)).await.unwrap().unwrap();
        assert_eq!(event.due.to_string(), "2090-01-01T00:00:00Z");
    })
    .await;
}

#[tokio::test]
async fn a_released_scheduled_event_returns_to_the_place_of_its_time() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        let minutes = ["UPDATE Events SET created_at = UTC_TIMESTAMP(6) - INTERVAL 30 MINUTE, due = created_at WHERE id = 1",
            "UPDATE Events SET created_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY, \
             not_before = UTC_TIMESTAMP(6) - INTERVAL 20 MINUTE, due = not_before WHERE id = 2"];
        for statement in minutes {
            fixture.sql(statement).await;
        }
        let claims = claim(&mut session, 2).await;
        session.release(&claims).await.unwrap();
        assert_eq!(ids(&claim(&mut session, 2).await), [1, 2]);
    })
    .await;
}
