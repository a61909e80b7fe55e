//! Outages of the database while events are in flight.

use std::time::{Duration, Instant};

use eventpipeline_testkit::{Database as Server, Engine, Options, eventually};

use crate::server::{Server as Api, word_api};
use crate::support::{Pipeline, metric};

#[tokio::test]
async fn a_value_that_could_not_be_written_is_written_after_the_outage() {
    for engine in Engine::all() {
        let server = Server::start_with(engine, Options { durable: true, ..Options::default() }).await;
        let mut pipeline = Pipeline::on(&server).await;
        let (api, open) = Api::gated("guardada").await;
        // The lease is longer than a restart of the server.
        let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "600")]));
        let ids = pipeline.create(4).await;
        api.until_asked(4).await;
        server.kill9();
        open.send(true).unwrap();
        consumer.line("failed to complete").await;
        server.restart().await;
        pipeline.values(&ids).await;
        // The handler was called only once: the values were kept.
        assert!(!consumer.log().contains("had expired"), "{}", consumer.log());
        let later = pipeline.create(1).await;
        pipeline.values(&later).await;
    }
}

/// Leases cannot be extended meanwhile, so the first reclaimer afterwards must not take that for the death of
/// a consumer.
#[tokio::test]
async fn values_of_an_outage_longer_than_the_lease_are_kept_and_not_handled_again() {
    const OUTAGE: Duration = Duration::from_secs(20);
    const EVENTS: usize = 12;
    for killed in [false, true] {
        let options = Options { durable: true, ..Options::default() };
        let server = Server::start_with(Engine::MySql, options).await;
        let mut pipeline = Pipeline::on(&server).await;
        let (api, open) = Api::gated("guardada").await;
        let url = api.url();
        let once = [
            ("LEASE_SECONDS", "10"),
            ("HANDLER_TIMEOUT_SECONDS", "9"),
            ("MAX_ATTEMPTS", "1"),
            ("CONCURRENCY", "4"),
        ];
        let variables = word_api(&url, &once);
        let consumers: Vec<_> = (0..3).map(|_| pipeline.consumer(&variables)).collect();
        let ids = pipeline.create(EVENTS).await;
        api.until_asked(EVENTS).await;
        let started = Instant::now();
        if killed {
            server.kill9();
        } else {
            server.freeze();
        }
        open.send(true).unwrap();
        tokio::time::sleep_until((started + OUTAGE).into()).await;
        if killed {
            server.restart().await;
        } else {
            server.thaw();
        }
        // A consumer that has not seen the outage.
        let newcomer = pipeline.consumer(&variables);
        assert!(pipeline.values(&ids).await.values().all(|value| value == "guardada"));
        assert_eq!(api.asked().len(), EVENTS, "no event was handled twice");
        // Whichever consumer looks first, once for all. The events may be done by then.
        let restarted = eventually(async || {
            let mut restarts = 0.0;
            for consumer in consumers.iter().chain([&newcomer]) {
                restarts += metric(consumer, "eventpipeline_lease_renewals_total").await;
            }
            (restarts > 0.0).then_some(())
        });
        restarted.await;
    }
}

/// In a new system, a consumer often starts before its database.
#[tokio::test]
async fn a_start_before_the_database_logs_no_warning() {
    let server = Server::start(Engine::MySql).await;
    let mut pipeline = Pipeline::on(&server).await;
    server.stop().await;
    let consumer = pipeline.consumer(&[]);
    consumer.line("database is not ready").await;
    // Long enough for retries of every task.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.restart().await;
    consumer.line("database is ready").await;
    eventually(async || pipeline.session.stats().await.ok()).await;
    let ids = pipeline.create(3).await;
    pipeline.values(&ids).await;
    assert!(!consumer.log().contains("\"WARN\""), "{}", consumer.log());
}
