//! SIGTERM: events that are being handled are completed or released, no more are claimed, and the process
//! succeeds.

use axum::response::IntoResponse as _;
use eventpipeline_database::State;
use eventpipeline_testkit::{Database, Engine, client, eventually};
use serde_json::Value as Json;

use crate::server::{Server, http, word_api};
use crate::support::{Pipeline, until_metric};

#[tokio::test]
async fn a_drain_completes_events_in_flight_and_claims_no_more() {
    let mut pipeline = Pipeline::new().await;
    let (api, open) = Server::gated("terminada").await;
    let mut consumer = pipeline.consumer(&word_api(&api.url(), &[("CONCURRENCY", "3")]));
    let ids = pipeline.create(5).await;
    api.until_asked(3).await;
    // The operator requests this before it decides which consumer to stop.
    let admin = consumer.address("the admin server listens").await;
    let work = client().get(format!("http://{admin}/work")).send().await.unwrap();
    let work: Json = work.json().await.unwrap();
    assert_eq!(work["events"], 3, "{work}");
    assert!(work["oldestSeconds"].as_f64().unwrap() > 0.0, "{work}");
    consumer.terminate();
    // This is logged after its tasks have started to drain.
    consumer.line("serving is not ready").await;
    open.send(true).unwrap();
    assert_eq!(consumer.end().await.code(), Some(0), "{}", consumer.log());
    let done = pipeline.session.read_finished(&ids).await.unwrap();
    assert_eq!(done.len(), 3, "{}", consumer.log());
}

#[tokio::test]
async fn unfinished_events_are_released_without_counting_an_attempt() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let api = Server::start(|_| std::future::pending()).await;
        let mut consumer = pipeline.consumer(&word_api(&api.url(), &[("DRAIN_SECONDS", "10")]));
        let ids = pipeline.create(3).await;
        api.until_asked(3).await;
        consumer.terminate();
        // A drain that exceeds its deadline would be an error.
        assert_eq!(consumer.end().await.code(), Some(0), "{}", consumer.log());
        for id in &ids {
            let event = pipeline.event(*id).await;
            // It is free at once, not after the lease of a minute.
            assert_eq!((event.state, event.attempts, event.error), (State::Pending, 0, None));
        }
        let _other = pipeline.consumer(&[]);
        pipeline.values(&ids).await;
    }
}

#[tokio::test]
async fn buffered_events_are_released_at_once() {
    let mut pipeline = Pipeline::new().await;
    // The handler is fast until much is claimed ahead; then it hangs.
    let handler = Server::start(|asked| async move {
        if asked.before >= 3000 {
            std::future::pending::<()>().await;
        }
        "rápida".into_response()
    })
    .await;
    let ids = pipeline.create(6000).await;
    let patience = [("DRAIN_SECONDS", "3600"), ("LEASE_SECONDS", "3600")];
    let consumer = pipeline.consumer(&http(&handler.url(), &patience));
    handler.until_asked(3016).await;
    until_metric(&consumer, "eventpipeline_events_buffered", 1.0).await;
    consumer.terminate();
    // Only the events in the handler remain claimed.
    eventually(async || {
        let stats = pipeline.session.stats().await.ok()?;
        ((stats.processing, stats.pending) == (16, 6000 - 3000 - 16)).then_some(())
    })
    .await;
    for id in &ids[3100..] {
        let event = pipeline.event(*id).await;
        assert_eq!((event.state, event.attempts), (State::Pending, 0), "{event:?}");
    }
}

#[tokio::test]
async fn an_idle_consumer_ends_at_once() {
    let pipeline = Pipeline::new().await;
    let mut consumer = pipeline.consumer(&[]);
    consumer.line("database is ready").await;
    consumer.terminate();
    assert_eq!(consumer.end().await.code(), Some(0), "{}", consumer.log());
    eventually(async || consumer.log().contains("eventpipeline-consumer stopped").then_some(())).await;
}
