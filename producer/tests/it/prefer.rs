//! Limits of the wait of a create-sync request: `Prefer`, and the server's limit.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::Producer;

#[tokio::test]
async fn an_expired_wait_is_answered_with_the_location() {
    let producer = Producer::start().await;
    for (prefer, applied) in [
        ("wait=1", "wait=1"),
        ("respond-async", "respond-async"),
        ("respond-async, wait=0", "respond-async, wait=0"),
    ] {
        let answer = producer.posting("/create-sync").header("prefer", prefer).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{prefer}");
        assert_eq!(answer.headers()["preference-applied"], applied);
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let body: Json = answer.json().await.unwrap();
        assert_eq!(location, format!("/{}", body["id"]));
        assert_eq!(producer.json(&location).await, json!({"valor": ""}));
    }
    producer.until_waiters(0).await;
}

#[tokio::test]
async fn a_value_that_arrives_during_the_wait_is_returned() {
    let producer = Producer::start().await;
    let mut session = producer.database.session();
    let create = producer.posting("/create-sync").header("prefer", "wait=600").send();
    let (created, ()) = tokio::join!(create, producer.consume(&mut session, "depressa"));
    let created = created.unwrap();
    assert_eq!(created.status(), 201);
    assert_eq!(created.headers()["preference-applied"], "wait=600");
    assert_eq!(created.json::<Json>().await.unwrap(), json!({"valor": "depressa"}));
}

#[tokio::test]
async fn the_servers_limit_applies_to_all_clients() {
    let producer = Producer::with(&[("MAX_WAIT_SECONDS", "1")]).await;
    let unasked = producer.post("/create-sync").await;
    assert_eq!(unasked.status(), 202);
    assert!(unasked.headers().get("preference-applied").is_none());
    let patient = producer.posting("/create-sync").header("prefer", "wait=600").send().await.unwrap();
    assert_eq!(patient.status(), 202);
    assert_eq!(patient.headers()["preference-applied"], "wait=1");
}

#[tokio::test]
async fn invalid_preferences_are_ignored() {
    let producer = Producer::start().await;
    let create = producer.posting("/create-sync").header("prefer", "wait=soon, handling=strict");
    let waiting = tokio::spawn(create.timeout(Duration::from_mins(1)).send());
    producer.until_waiters(1).await;
    producer.consume(&mut producer.database.session(), "enfim").await;
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.headers().get("preference-applied").is_none());
}
