//! `Idempotency-Key`: a repeated request creates its events once, and gets the same response.

use std::collections::BTreeSet;

use reqwest::Response;
use serde_json::{Value as Json, json};

use crate::support::{Producer, problem};

const KEY: &str = "idempotency-key";

fn replayed(response: &Response) -> bool {
    response.headers().get("idempotent-replayed").is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_repeated_request_returns_the_same_event() {
    let producer = Producer::start().await;
    for (number, expected) in [(1, false), (2, true), (3, true)] {
        let post = producer.posting("/create-async").header(KEY, "order 17/a").json(&json!({"n": 1}));
        let response = post.send().await.unwrap();
        assert_eq!(response.status(), 202, "{number}");
        assert_eq!(response.headers()["location"], "/1");
        assert_eq!(replayed(&response), expected, "{number}");
        assert_eq!(response.json::<Json>().await.unwrap()["id"], 1);
    }
    assert_eq!(producer.json("/").await["events"], 1);
}

#[tokio::test]
async fn a_different_request_needs_a_different_key() {
    let producer = Producer::start().await;
    let first = producer.posting("/create-async").header(KEY, "a").json(&json!({"n": 1}));
    assert_eq!(first.send().await.unwrap().status(), 202);
    for (path, body) in [
        ("/create-async", "{\"n\": 2}"),
        ("/create-async?priority=1", "{\"n\":1}"),
        ("/v1/events", "[{},{}]"),
    ] {
        let post = producer.posting(path).header(KEY, "a").body(body);
        let response = post.header("content-type", "application/json").send().await.unwrap();
        problem(response, 422, "idempotency-key-reused").await;
    }
    assert_eq!(producer.json("/").await["events"], 1);
}

#[tokio::test]
async fn concurrent_requests_with_one_key_to_several_producers_create_one_event() {
    let producer = Producer::start().await;
    let other = producer.another().await;
    let requests: Vec<_> = (0..100)
        .map(|number| {
            let producer = if number % 2 == 0 { &producer } else { &other };
            let post = producer.posting("/create-async").header(KEY, format!("key {}", number % 5));
            tokio::spawn(async move {
                let response = post.send().await.unwrap();
                (replayed(&response), response.json::<Json>().await.unwrap()["id"].as_i64().unwrap())
            })
        })
        .collect();
    let (mut first, mut ids) = (0, BTreeSet::new());
    for request in requests {
        let (replayed, id) = request.await.unwrap();
        first += i32::from(!replayed);
        ids.insert(id);
    }
    assert_eq!((first, ids), (5, (1..=5).collect()));
    assert_eq!(producer.json("/").await["events"], 5);
}

#[tokio::test]
async fn a_repeated_create_sync_waits_for_the_same_event_and_gets_its_value() {
    let producer = Producer::start().await;
    let create = || tokio::spawn(producer.posting("/create-sync").header(KEY, "s").send());
    let waiting = [create(), create(), create()];
    producer.until_waiters(3).await;
    producer.consume(&mut producer.database.session(), "uma vez").await;
    let mut first = 0;
    // A request after the event is done is answered at once.
    for create in waiting.into_iter().chain([create()]) {
        let response = create.await.unwrap().unwrap();
        assert_eq!(response.status(), 201);
        first += i32::from(!replayed(&response));
        assert_eq!(response.json::<Json>().await.unwrap(), json!({"valor": "uma vez"}));
    }
    assert_eq!(first, 1);
    assert_eq!(producer.json("/").await["events"], 1);
}

#[tokio::test]
async fn a_key_applies_to_a_whole_batch() {
    let producer = Producer::start().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let post = producer
            .posting("/v1/events")
            .header(KEY, "batch")
            .json(&json!([{"payload": 1}, {"priority": 3}]));
        let response = post.send().await.unwrap();
        assert_eq!(response.status(), 202);
        answers.push((replayed(&response), response.json::<Json>().await.unwrap()));
    }
    assert_eq!(answers, [(false, json!({"ids": [1, 2]})), (true, json!({"ids": [1, 2]}))]);
}

#[tokio::test]
async fn an_invalid_key_is_refused() {
    let producer = Producer::start().await;
    for key in ["", &"x".repeat(256), "a\tb", "ol\u{e1}"] {
        let post = producer.posting("/create-async").header(KEY, key.as_bytes());
        problem(post.send().await.unwrap(), 400, "invalid-idempotency-key").await;
    }
    let twice = producer.posting("/create-async").header(KEY, "a").header(KEY, "a");
    problem(twice.send().await.unwrap(), 400, "invalid-idempotency-key").await;
    assert_eq!(producer.json("/").await["events"], 0);
}
