//! SIGTERM: running requests are answered, and the process exits successfully in time.

use serde_json::{Value as Json, json};

use crate::support::Producer;

async fn start(drain_seconds: &str) -> Producer {
    let server = eventpipeline_testkit::Database::shared(eventpipeline_testkit::Engine::MySql).await;
    Producer::before(server, &[("DRAIN_SECONDS", drain_seconds)]).await
}

#[tokio::test]
async fn a_waiting_client_is_answered_while_the_producer_drains() {
    // A fifth of the time is for late requests, such as those of the test.
    let mut producer = start("60").await;
    let request = producer.client.post(format!("{}/create-sync", producer.api));
    let waiting = tokio::spawn(async move { request.send().await.unwrap() });
    producer.until_waiters(1).await;

    producer.program.terminate();
    assert!(producer.until_ready(503).await.contains("serving: draining"));
    // Load balancers learn late, so new requests are still served.
    assert_eq!(producer.post("/create-async").await.status(), 202);
    producer.consume(&mut producer.database.session(), "ainda").await;

    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.json::<Json>().await.unwrap(), json!({"valor": "ainda"}));
    producer.client = eventpipeline_testkit::client();
    assert_eq!(producer.program.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_still_waits_gets_the_location_of_its_event() {
    // A tenth of the time is for the response and the exit, which suffices even on a busy machine.
    let mut producer = start("30").await;
    let request = producer.client.post(format!("{}/create-sync", producer.api));
    let waiting = tokio::spawn(async move { request.send().await.unwrap() });
    producer.until_waiters(1).await;
    producer.program.terminate();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["location"], "/1");
    assert_eq!(answer.json::<Json>().await.unwrap()["id"], 1);
    assert_eq!(producer.program.end().await.code(), Some(0));
}
