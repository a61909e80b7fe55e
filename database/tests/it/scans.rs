//! Scans find due events wherever they arrive in the queue, and the next claim takes them.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{Connection as _, Executor as _};

use crate::consumer::Consumer;
use crate::support::{Fixture, LONG, claim_for, create, event_id as id, on_each, reclaim};

/// Completes 20,000 events of the last twenty minutes while an old snapshot is open, so that the server cannot purge their index
/// entries.
async fn block_purge(fixture: &mut Fixture) -> MySqlConnection {
    let waiting = "INSERT INTO Events (id, due) WITH RECURSIVE numbers AS \
         (SELECT 0 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 999) \
         SELECT 1000000 + a.n + 1000 * b.n, UTC_TIMESTAMP(6) - INTERVAL (a.n + 1000 * b.n) * 60000 MICROSECOND \
         FROM numbers AS a, numbers AS b WHERE b.n < 20";
    fixture.sql(waiting).await;
    let mut old = fixture.another().await;
    for statement in [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        "SELECT id FROM Events WHERE id = 1000000",
    ] {
        old.execute(statement).await.unwrap();
    }
    fixture.sql("UPDATE Events SET processing = 1, due = UTC_TIMESTAMP(6) WHERE id >= 1000000").await;
    fixture.sql("UPDATE Events SET valor = 'feito', processing = 0 WHERE id >= 1000000").await;
    old
}

#[tokio::test]
async fn the_claim_after_a_wakeup_takes_an_urgent_event() {
    on_each(async |fixture| {
        let mut consumer = Consumer::at_work(&fixture).await;
        for turn in 0..100 {
            let event = consumer.create(turn % 10).await;
            assert_eq!(consumer.claim(10).await, [event], "in turn {turn}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_next_claim_takes_what_a_scan_found() {
    on_each(async |fixture| {
        let mut consumer = Consumer::at_work(&fixture).await;
        for turn in 0..100 {
            let event = consumer.create(9 - turn % 10).await;
            assert!(consumer.has_due().await, "in turn {turn}");
            assert_eq!(consumer.claim(10).await, [event], "in turn {turn}");
            assert!(!consumer.has_due().await, "in turn {turn}");
        }
    })
    .await;
}

/// These events return to their old positions, before everything that was completed meanwhile.
#[tokio::test]
async fn events_that_return_to_old_positions_are_found_one_by_one() {
    on_each(async |fixture| {
        let mut consumer = Consumer::at_work(&fixture).await;
        let mut lost = create(&mut consumer.session, 30).await;
        let mut victim = fixture.session();
        let held = claim_for(&mut victim, Duration::ZERO, 30).await;
        assert_eq!(held.len(), 30);
        for _ in 0..10 {
            let event = consumer.create(0).await;
            assert_eq!(consumer.claim(10).await, [event]);
        }
        while reclaim(&mut victim, LONG).await.freed.len() < 30 {}
        // All share one position: each claim reaches its limit with one event.
        while !lost.is_empty() {
            assert!(consumer.has_due().await, "{lost:?} are left");
            assert_eq!(consumer.claim(1).await, [id(lost.remove(0))]);
        }
        assert!(!consumer.has_due().await);
    })
    .await;
}

/// The server cannot purge, so full scans are slow and rare.
#[tokio::test]
async fn no_event_waits_for_the_server_to_purge() {
    on_each(async |mut fixture| {
        let old = block_purge(&mut fixture).await;
        let mut consumer = Consumer::at_work(&fixture).await;
        for turn in 0..40 {
            let event = consumer.create(turn % 10).await;
            assert_eq!(consumer.claim(10).await, [event], "in turn {turn}");
        }
        // A consumer that is told about an event's return to an old position finds it.
        let back = create(&mut consumer.session, 1).await;
        claim_for(&mut consumer.session, Duration::ZERO, 1).await;
        let event = consumer.create(0).await;
        assert_eq!(consumer.claim(10).await, [event]);
        while reclaim(&mut consumer.session, LONG).await.freed.is_empty() {}
        consumer.mark.invalidate();
        assert_eq!(consumer.claim(10).await, [id(back[0])]);
        old.close().await.unwrap();
    })
    .await;
}

/// Another client locks the event without changing it.
#[tokio::test]
async fn an_event_that_was_locked_at_the_front_of_the_queue_is_found_afterwards() {
    on_each(async |mut fixture| {
        let mut consumer = Consumer::at_work(&fixture).await;
        let event = consumer.create(5).await;
        fixture.sql("START TRANSACTION").await;
        fixture.sql("SELECT id FROM Events WHERE id = 2 FOR UPDATE").await;
        for _ in 0..10 {
            assert!(consumer.has_due().await);
            assert!(consumer.claim(10).await.is_empty());
            let other = consumer.create(0).await;
            assert_eq!(consumer.claim(10).await, [other]);
        }
        fixture.sql("ROLLBACK").await;
        assert!(consumer.has_due().await);
        assert_eq!(consumer.claim(10).await, [event]);
    })
    .await;
}
