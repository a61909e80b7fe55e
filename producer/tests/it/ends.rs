//! A create-sync request whose event ends without a value.

use std::time::Duration;

use eventpipeline_database::{Failure, Finished, LowWaterMark, Next};
use eventpipeline_testkit::{Database as Server, Engine, Fault, Proxy, eventually};
use reqwest::Response;
use tokio::task::JoinHandle;

use crate::support::{Producer, claim, problem};

async fn waiting(producer: &Producer) -> JoinHandle<Response> {
    let create = producer.posting("/create-sync");
    let waiting = tokio::spawn(async move { create.send().await.unwrap() });
    producer.until_waiters(1).await;
    waiting
}

#[tokio::test]
async fn a_dead_event_is_an_error_with_its_location() {
    let producer = Producer::start().await;
    let waiting = waiting(&producer).await;
    let mut session = producer.database.session();
    let failure =
        Failure { claim: claim(&mut session).await, error: "out of words".to_owned(), next: Next::Dead };
    assert_eq!(session.fail(&[failure]).await.unwrap().len(), 1);
    let answer = waiting.await.unwrap();
    assert_eq!(answer.headers()["location"], "/1");
    let problem = problem(answer, 500, "event-dead").await;
    assert_eq!(problem["id"], 1);
    assert!(problem["detail"].as_str().unwrap().contains("POST /v1/events/1/retry"));
    assert_eq!(producer.json("/v1/events/1").await["error"], "out of words");
}

#[tokio::test]
async fn a_cancelled_event_is_a_conflict() {
    let producer = Producer::start().await;
    let waiting = waiting(&producer).await;
    assert_eq!(producer.post("/v1/events/1/cancel").await.status(), 200);
    let answer = waiting.await.unwrap();
    assert_eq!(answer.headers()["location"], "/1");
    assert_eq!(problem(answer, 409, "event-cancelled").await["id"], 1);
}

/// The client would otherwise wait forever.
#[tokio::test]
async fn a_removed_event_ends_the_wait() {
    let proxy = Proxy::start(Server::shared(Engine::MySql).await.port()).await;
    let producer = Producer::behind(&proxy, &[]).await;
    let waiting = waiting(&producer).await;
    // The producer never sees the event done, because the answer to a running query is lost as well.
    proxy.set(Fault::Cut);
    let mut session = producer.database.session();
    producer.consume(&mut session, "tarde").await;
    eventually(async || {
        let removal =
            session.remove(&mut LowWaterMark::default(), Finished::Done, Duration::ZERO, 1).await.unwrap();
        (removal.events == 1).then_some(())
    })
    .await;
    proxy.set(Fault::None);
    assert_eq!(problem(waiting.await.unwrap(), 410, "event-removed").await["id"], 1);
}
