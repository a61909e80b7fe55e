//! Events that another program keeps locked, and values that the database refuses: only these events wait.

use std::time::{Duration, Instant};

use eventpipeline_database::{EventId, NewEvent, State};
use eventpipeline_testkit::eventually;
use jiff::Timestamp;
use sqlx::Executor as _;

use crate::server::{Server, word, word_api};
use crate::support::{Pipeline, metric, until_metric};

/// Starts a word API that is slow for the first `slow` requests.
async fn handler(slow: usize) -> Server {
    Server::start(move |asked| async move {
        if asked.before < slow {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        word("feito")
    })
    .await
}

const ATTEMPTS: [(&str, &str); 4] =
    [("MAX_ATTEMPTS", "2"), ("BACKOFF_SECONDS", "1"), ("LEASE_SECONDS", "20"), ("CONCURRENCY", "64")];

#[tokio::test]
async fn events_that_others_keep_locked_delay_no_other_event() {
    let mut pipeline = Pipeline::new().await;
    let api = handler(2).await;
    let url = api.url();
    let consumer =
        pipeline.consumer(&word_api(&url, &[("LEASE_SECONDS", "10"), ("HANDLER_TIMEOUT_SECONDS", "8")]));
    let held = pipeline.create(2).await;
    api.until_asked(2).await;
    let mut another = pipeline.another().await;
    another.execute("START TRANSACTION").await.unwrap();
    another.execute("SELECT id FROM Events WHERE id = 1 FOR SHARE").await.unwrap();
    another.execute("SELECT id FROM Events WHERE id = 2 FOR UPDATE").await.unwrap();
    consumer.line("another client of the database has them locked").await;
    // Longer than a lease: no other consumer can have the locked events either.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(12) {
        let others = pipeline.create(5).await;
        let created = Instant::now();
        assert!(pipeline.values(&others).await.values().all(|value| value == "feito"));
        assert!(created.elapsed() < Duration::from_secs(5), "{:?}", created.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(metric(&consumer, "eventpipeline_deferred_completions").await >= 2.0);
    let lost = metric(&consumer, "eventpipeline_events_fenced_total").await;
    another.execute("ROLLBACK").await.unwrap();
    assert!(pipeline.values(&held).await.values().all(|value| value == "feito"));
    until_metric(&consumer, "eventpipeline_completions_deferred_total{reason=\"locked\"}", 2.0).await;
    eventually(async || (metric(&consumer, "eventpipeline_deferred_completions").await == 0.0).then_some(()))
        .await;
    assert!(lost < 1.0, "{}", consumer.log());
}

#[tokio::test]
async fn a_drain_ends_in_time_while_others_keep_events_locked() {
    let mut pipeline = Pipeline::new().await;
    let api = handler(1).await;
    let url = api.url();
    let mut consumer = pipeline.consumer(&word_api(&url, &[]));
    pipeline.create(1).await;
    api.until_asked(1).await;
    let mut another = pipeline.another().await;
    another.execute("START TRANSACTION").await.unwrap();
    another.execute("SELECT id FROM Events WHERE id = 1 FOR UPDATE").await.unwrap();
    consumer.line("another client of the database has them locked").await;
    consumer.terminate();
    assert!(consumer.end().await.success(), "{}", consumer.log());
    assert!(consumer.log().contains("are claimed until their leases expire: events 1"), "{}", consumer.log());
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_a_failed_attempt_of_that_event_only() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(100).await;
    let trigger = "CREATE TRIGGER refuses BEFORE UPDATE ON Events FOR EACH ROW \
         IF NEW.id = 5 AND NEW.valor <> '' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF";
    pipeline.another().await.execute(sqlx::raw_sql(trigger)).await.unwrap();
    let api = handler(0).await;
    let url = api.url();
    let consumer = pipeline.consumer(&word_api(&url, &ATTEMPTS));
    let others: Vec<EventId> = ids.iter().copied().filter(|id| id.get() != 5).collect();
    assert!(pipeline.values(&others).await.values().all(|value| value == "feito"));
    let refused = pipeline.in_state(ids[4], State::Dead).await;
    assert_eq!(refused.attempts, 2);
    assert!(
        refused.error.as_ref().is_some_and(|error| error.contains("not this one")),
        "{refused:?} {}",
        consumer.log()
    );
    assert!(consumer.log().contains("refuses to settle event 5"), "{}", consumer.log());
    until_metric(&consumer, "eventpipeline_completions_deferred_total{reason=\"refused\"}", 2.0).await;
    // And it continues.
    let more = pipeline.create(10).await;
    pipeline.values(&more).await;
}

/// The database refuses even the failure, so the event waits separately until its lease expires.
#[tokio::test]
async fn an_event_that_cannot_be_settled_delays_no_other_event() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(20).await;
    let trigger = "CREATE TRIGGER refuses BEFORE UPDATE ON Events FOR EACH ROW \
         IF NEW.id = 5 AND OLD.processing = 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF";
    pipeline.another().await.execute(sqlx::raw_sql(trigger)).await.unwrap();
    let api = handler(0).await;
    let url = api.url();
    let mut consumer = pipeline.consumer(&word_api(&url, &ATTEMPTS));
    let others: Vec<EventId> = ids.iter().copied().filter(|id| id.get() != 5).collect();
    assert!(pipeline.values(&others).await.values().all(|value| value == "feito"));
    consumer.line("is refused as well").await;
    let more = pipeline.create(10).await;
    pipeline.values(&more).await;
    consumer.terminate();
    assert!(consumer.end().await.success(), "{}", consumer.log());
}

/// An urgent event is ahead of everything that was ever claimed.
#[tokio::test]
async fn an_idle_consumer_takes_whatever_becomes_due_within_a_second() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    let first = pipeline.create(1).await;
    pipeline.values(&first).await;
    consumer.line("database is ready").await;
    let mut slowest = Duration::ZERO;
    for turn in 0..30_u8 {
        // Idle for shorter and longer than the pauses between polls.
        tokio::time::sleep(Duration::from_millis(u64::from(turn) * 13)).await;
        let event = match turn % 3 {
            0 => NewEvent { priority: eventpipeline_database::Priority::MAX, ..NewEvent::default() },
            1 => NewEvent { not_before: Some(Timestamp::UNIX_EPOCH.into()), ..NewEvent::default() },
            _ => NewEvent::default(),
        };
        let created = Instant::now();
        let ids = pipeline.create_all(vec![event]).await;
        pipeline.values(&ids).await;
        slowest = slowest.max(created.elapsed());
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}
