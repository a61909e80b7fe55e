//! Events of other programs at a key: changed without regard to it, or locked.

use std::time::Duration;

use eventpipeline_database::{
    Creation, EventId, Finished, IdempotencyKey, LARGEST_REMOVAL, LowWaterMark, Transition,
};
use eventpipeline_testkit::eventually;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::keys::{ONE, assert_over, complete, create_keys, ids, of, rounds, set_rules};
use crate::support::{Fixture, LONG, claim, on_each};

/// Locks an event in a transaction that stays open.
async fn lock(fixture: &mut Fixture, event: EventId) {
    fixture.sql("START TRANSACTION").await;
    let select = format!("SELECT id FROM Events WHERE id = {event} FOR UPDATE");
    fixture.other.execute(AssertSqlSafe(select)).await.unwrap();
}

/// Asserts that key `a` continues with these events once they are no longer locked.
async fn continues(fixture: &mut Fixture, expected: &[EventId]) {
    let mut session = fixture.session();
    assert!(claim(&mut session, 100).await.is_empty());
    assert!(session.has_met_locks());
    assert_eq!(session.repair_keys(LONG).await.unwrap(), 1, "it is examined, and still locked");
    assert!(claim(&mut session, 100).await.is_empty());
    fixture.sql("ROLLBACK").await;
    assert_eq!(session.repair_keys(LONG).await.unwrap(), 1);
    let expected: Vec<_> = expected.iter().map(|event| vec![*event]).collect();
    assert_eq!(rounds(&mut session).await, expected);
    assert_eq!(session.repair_keys(LONG).await.unwrap(), 0);
    assert_over(fixture).await;
}

#[tokio::test]
async fn a_locked_next_event_delays_only_its_own_key() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a", "a", "b", "b"]).await;
        let first = claim(&mut session, 100).await;
        assert_eq!(ids(&first), [events[0], events[3]]);
        lock(&mut fixture, events[1]).await;
        complete(&mut session, &first).await;
        let next = claim(&mut session, 100).await;
        assert_eq!(ids(&next), [events[4]]);
        complete(&mut session, &next).await;
        continues(&mut fixture, &events[1..3]).await;
    })
    .await;
}

#[tokio::test]
async fn a_locked_next_event_prevents_no_cancellation() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a", "a"]).await;
        lock(&mut fixture, events[1]).await;
        assert_eq!(session.cancel(events[0]).await.unwrap(), Transition::Changed);
        continues(&mut fixture, &events[1..]).await;
    })
    .await;
}

/// Creations without keys need the counter meanwhile.
#[tokio::test]
async fn a_creation_that_waits_for_a_locked_key_does_not_hold_the_counter() {
    on_each(async |mut fixture| {
        set_rules(&fixture, ONE).await;
        let mut session = fixture.session();
        create_keys(&mut session, &["a"]).await;
        for idempotency_key in [None, IdempotencyKey::new("once").ok()] {
            fixture.sql("START TRANSACTION").await;
            fixture.sql("SELECT number FROM EventKeys FOR UPDATE").await;
            let mut waiting = fixture.session();
            let creation = Creation::one(of("a")).with_key(idempotency_key);
            let waiting = tokio::spawn(async move { waiting.create(&[creation]).await });
            eventually(async || {
                let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                     WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%EventKeys%'";
                (fixture.value::<i64>(waits).await > 0).then_some(())
            })
            .await;
            let mut other = fixture.another().await;
            other.execute("SELECT id FROM DBStatus FOR UPDATE NOWAIT").await.unwrap();
            fixture.sql("ROLLBACK").await;
            waiting.await.unwrap().unwrap();
        }
        assert_eq!(rounds(&mut session).await.len(), 3);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_key_whose_event_another_program_has_ended_is_repaired() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        for change in [
            "DELETE FROM Events WHERE state = 0 AND event_key = 'a'",
            "UPDATE Events SET valor = 'theirs' WHERE state = 0 AND event_key = 'a'",
            "UPDATE Events SET processing = 4 WHERE state = 0 AND event_key = 'a'",
            "UPDATE Events SET processing = 3 WHERE state = 0 AND event_key = 'a'",
        ] {
            let events = create_keys(&mut session, &["a", "a", "a", "b", "b"]).await;
            fixture.sql(change).await;
            assert_eq!(session.repair_keys(LONG).await.unwrap(), 0);
            assert_eq!(session.repair_keys(Duration::ZERO).await.unwrap(), 1, "{change}");
            assert_eq!(session.repair_keys(Duration::ZERO).await.unwrap(), 0);
            let expected = [vec![events[3], events[1]], vec![events[2], events[4]]];
            assert_eq!(rounds(&mut session).await, expected, "{change}");
            // The removal of the event that another program has ended unblocks no second event.
            fixture.sql("UPDATE Events SET done_at = COALESCE(done_at, due)").await;
            let more = create_keys(&mut session, &["a", "a", "a"]).await;
            for finished in [Finished::Done, Finished::Cancelled, Finished::Dead] {
                let mark = &mut LowWaterMark::default();
                session.remove(mark, finished, Duration::ZERO, LARGEST_REMOVAL).await.unwrap();
            }
            let expected = [more[0], more[1], more[2]].map(|event| vec![event]);
            assert_eq!(rounds(&mut session).await, expected, "{change}");
            fixture.sql("DELETE FROM Events").await;
            assert_over(&mut fixture).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_that_another_program_has_cancelled_is_retried_after_the_others_of_its_key() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a"; 3]).await;
        fixture.sql("UPDATE Events SET processing = 4, done_at = due WHERE state = 0").await;
        assert_eq!(session.repair_keys(Duration::ZERO).await.unwrap(), 1);
        assert_eq!(session.retry(events[0]).await.unwrap(), Transition::Changed);
        let expected = [events[1], events[2], events[0]].map(|event| vec![event]);
        assert_eq!(rounds(&mut session).await, expected);
        assert_over(&mut fixture).await;
    })
    .await;
}

/// Another program may change rows without regard to keys.
#[tokio::test]
async fn a_wrong_count_of_a_key_is_corrected_when_its_next_event_ends() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        for change in [
            "DELETE FROM EventKeys",
            "UPDATE EventKeys SET events = 1",
            "UPDATE EventKeys SET events = 9",
            "DELETE FROM Events WHERE blocked = 1",
        ] {
            let events = create_keys(&mut session, &["a"; 3]).await;
            let first = claim(&mut session, 100).await;
            fixture.sql(change).await;
            complete(&mut session, &first).await;
            let expected = if change.contains("Events WHERE") { &[][..] } else { &events[1..] };
            let expected: Vec<_> = expected.iter().map(|event| vec![*event]).collect();
            assert_eq!(rounds(&mut session).await, expected, "{change}");
            assert_over(&mut fixture).await;
        }
    })
    .await;
}
