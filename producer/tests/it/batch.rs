//! `POST /v1/events`: many events, all or none.

use serde_json::{Value as Json, json};

use crate::support::{Producer, claim, problem};

const LINES: &str = "application/x-ndjson";

#[tokio::test]
async fn the_ids_of_a_batch_are_in_the_order_of_its_events() {
    let producer = Producer::start().await;
    let events: Vec<Json> = (1..=1000).map(|number| json!({"payload": {"n": number}})).collect();
    let response = producer.posting("/v1/events").json(&events).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let ids: Json = response.json().await.unwrap();
    assert_eq!(ids, json!({"ids": (1..=1000).collect::<Vec<_>>()}));
    assert_eq!(producer.json("/v1/events/1").await["payload"], json!({"n": 1}));
    assert_eq!(producer.json("/v1/events/1000").await["payload"], json!({"n": 1000}));
}

#[tokio::test]
async fn a_single_event_and_lines_of_events_are_batches() {
    let producer = Producer::start().await;
    let one = producer.posting("/v1/events").json(&json!({"payload": "um", "priority": 2}));
    assert_eq!(one.send().await.unwrap().json::<Json>().await.unwrap(), json!({"ids": [1]}));
    let body = "{\"payload\":  [1e400]}\n{}\n\n{\"notBefore\": \"2999-01-01T00:00:00Z\"}\n";
    let lines = producer.posting("/v1/events").header("content-type", LINES).body(body);
    assert_eq!(lines.send().await.unwrap().json::<Json>().await.unwrap(), json!({"ids": [2, 3, 4]}));
    let mut session = producer.database.session();
    let claims = [claim(&mut session).await, claim(&mut session).await];
    assert_eq!(claims.map(|claim| claim.payload.unwrap()), ["\"um\"", "[1e400]"]);
    assert_eq!(producer.json("/v1/events/4").await["notBefore"], "2999-01-01T00:00:00Z");
}

#[tokio::test]
async fn an_invalid_event_is_named_and_no_event_is_created() {
    let producer = Producer::with(&[("PAYLOAD_MAX_BYTES", "100")]).await;
    let long = format!("[{{}},{{\"payload\":\"{}\"}}]", "a".repeat(99));
    let deep = format!("[{{\"payload\":{}", "[".repeat(10_000));
    let json = "application/json";
    let bodies: [(&str, &str, u16, &str, &str); 10] = [
        (json, "", 400, "invalid-event", "not an object"),
        (json, "[]", 400, "invalid-event", "no event"),
        (json, "[{},{\"priority\":11}]", 400, "invalid-event", "[1]"),
        (json, "[{},{\"prority\":1}]", 400, "invalid-event", "unknown field `prority`"),
        (json, "[{},{}", 400, "invalid-event", "EOF"),
        (json, &long, 400, "invalid-event", "more than 100 bytes"),
        (json, &deep, 400, "invalid-event", "EOF"),
        (LINES, "{}\n{\"notBefore\":\"soon\"}", 400, "invalid-event", "line 2"),
        (json, &format!("[{}{{}}]", "{},".repeat(1000)), 400, "invalid-event", "more than 1000"),
        ("text/csv", "a,b", 415, "not-json-type", "application/x-ndjson"),
    ];
    for (content_type, body, status, kind, named) in bodies {
        let post = producer.posting("/v1/events").header("content-type", content_type).body(body.to_owned());
        let problem = problem(post.send().await.unwrap(), status, kind).await;
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
        assert_eq!(problem["line"].as_u64(), named.strip_prefix("line ").map(|line| line.parse().unwrap()));
    }
    let huge =
        producer.posting("/v1/events").header("content-type", LINES).body("\n".repeat(4 * 1024 * 1024 + 1));
    problem(huge.send().await.unwrap(), 413, "payload-too-large").await;
    let query = producer.posting("/v1/events?priority=1").json(&json!({}));
    problem(query.send().await.unwrap(), 400, "invalid-parameter").await;
    assert_eq!(producer.json("/").await["events"], 0);
}

#[tokio::test]
async fn a_batch_of_four_mebibytes_is_accepted() {
    let producer = Producer::start().await;
    let event = json!({"payload": "a".repeat(63 * 1024)});
    let events = vec![event; 64];
    let response = producer.posting("/v1/events").json(&events).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(producer.json("/").await["events"], 64);
}
