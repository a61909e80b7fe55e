//! SIGTERM: what is being handled is finished or given back, nothing more is claimed, and the end is a success.

use std::time::{Duration, Instant};

use axum::response::IntoResponse as _;
use eventpipeline_database::ClaimCursor;
use tokio::sync::watch;

use crate::support::{Pipeline, WordApi};
use eventpipeline_testkit::eventually;

#[tokio::test]
async fn what_is_being_handled_is_finished_and_nothing_more_is_claimed() {
    let mut pipeline = Pipeline::new().await;
    let (open, gate) = watch::channel(false);
    let api = WordApi::start(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            "[{\"word\": \"terminada\"}]".into_response()
        }
    })
    .await;
    let mut consumer = pipeline.consumer(&[&api.variables()[..], &[("CONCURRENCY", "3")]].concat());
    let ids = pipeline.create(5).await;
    api.until_asked(3).await;
    consumer.terminate();
    consumer.line("draining").await;
    open.send(true).unwrap();
    assert_eq!(consumer.end().await.code(), Some(0), "{}", consumer.log());
    let done = pipeline.session.read_finished(&ids).await.unwrap();
    assert_eq!(done.len(), 3, "{}", consumer.log());
}

#[tokio::test]
async fn what_cannot_be_finished_is_given_back_before_the_end() {
    let mut pipeline = Pipeline::new().await;
    let api = WordApi::start(|_| std::future::pending()).await;
    let mut consumer = pipeline.consumer(&[&api.variables()[..], &[("DRAIN_SECONDS", "2")]].concat());
    let ids = pipeline.create(3).await;
    api.until_asked(3).await;
    let begun = Instant::now();
    consumer.terminate();
    assert_eq!(consumer.end().await.code(), Some(0), "{}", consumer.log());
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Free at once: the lease of a minute was not waited for.
    assert!(pipeline.session.has_due(&mut ClaimCursor::default()).await.unwrap());
    let _other = pipeline.consumer(&[]);
    pipeline.values(&ids).await;
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
