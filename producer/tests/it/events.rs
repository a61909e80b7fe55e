//! The event operations below `/v1`.

use std::time::Duration;

use eventpipeline_database::{Failure, Next};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Producer, claim, problem};

async fn kill(producer: &Producer) {
    let mut session = producer.database.session();
    let claim = claim(&mut session).await;
    let failure = Failure { claim, error: "não".to_owned(), next: Next::Dead };
    session.fail(&[failure]).await.unwrap();
}

async fn purge(producer: &Producer, query: &str) -> Json {
    let response = producer.request(Method::DELETE, &format!("/v1/events?{query}")).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn an_event_is_returned_with_all_its_fields() {
    let producer = Producer::start().await;
    let post = producer.posting("/create-async?priority=4").json(&json!({"nome": "João"}));
    assert_eq!(post.send().await.unwrap().status(), 202);
    let mut pending = producer.json("/v1/events/1").await;
    let created = pending["createdAt"].take();
    assert!(created.as_str().unwrap().ends_with('Z'), "{created}");
    assert_eq!(
        pending,
        json!({
            "id": 1, "state": "pending", "type": null, "key": null, "valor": "",
            "payload": {"nome": "João"}, "priority": 4, "attempts": 0,
            "error": null, "owner": null, "createdAt": null, "notBefore": null, "finishedAt": null,
        })
    );
    producer.consume(&mut producer.database.session(), "feito").await;
    let done = producer.json("/v1/events/1").await;
    assert_eq!(done["state"], "done");
    assert_eq!(done["valor"], "feito");
    assert_eq!(done["owner"], "test");
    assert_eq!(done["attempts"], 1);
    assert!(done["finishedAt"].is_string());
}

#[tokio::test]
async fn the_pages_of_a_list_contain_every_event_once() {
    let producer = Producer::start().await;
    let events = vec![json!({}); 25];
    producer.posting("/v1/events").json(&events).send().await.unwrap();
    kill(&producer).await;
    for (filter, expected) in [("", 25), ("&state=pending", 24), ("&state=dead", 1), ("&state=done", 0)] {
        let (mut ids, mut path) = (Vec::new(), format!("/v1/events?limit=10{filter}"));
        loop {
            let page = producer.json(&path).await;
            let events = page["events"].as_array().unwrap();
            assert!(events.len() <= 10);
            ids.extend(events.iter().map(|event| event["id"].as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/events?limit=10{filter}&cursor={next}");
        }
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (expected, expected), "{filter}");
    }
    assert_eq!(producer.json("/v1/events").await["events"].as_array().unwrap().len(), 25);
}

#[tokio::test]
async fn a_page_of_large_payloads_is_shorter() {
    let producer = Producer::with(&[("PAYLOAD_MAX_BYTES", "1048576")]).await;
    for _ in 0..10 {
        let post = producer.posting("/create-async").json(&"a".repeat(1_000_000));
        assert_eq!(post.send().await.unwrap().status(), 202);
    }
    let first = producer.json("/v1/events").await;
    let length = first["events"].as_array().unwrap().len();
    assert!((1..10).contains(&length), "{length}");
    let rest = producer.json(&format!("/v1/events?cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(rest["events"][0]["id"], i64::try_from(length).unwrap() + 1);
}

#[tokio::test]
async fn a_dead_event_can_be_retried_and_a_pending_one_cancelled() {
    let producer = Producer::start().await;
    producer.post("/create-async").await;
    kill(&producer).await;
    assert_eq!(producer.json("/v1/events/1").await["error"], "não");

    let retried = producer.post("/v1/events/1/retry").await;
    assert_eq!(retried.status(), 200);
    assert_eq!(retried.json::<Json>().await.unwrap()["state"], "pending");
    let again = problem(producer.post("/v1/events/1/retry").await, 409, "wrong-state").await;
    assert_eq!(again["detail"], "event 1 is pending; this operation requires that it is dead or cancelled");
    assert_eq!(again["id"], 1);

    let cancelled = producer.post("/v1/events/1/cancel").await;
    assert_eq!(cancelled.json::<Json>().await.unwrap()["state"], "cancelled");
    problem(producer.post("/v1/events/1/cancel").await, 409, "wrong-state").await;
    assert_eq!(producer.post("/v1/events/1/retry").await.status(), 200);
    producer.consume(&mut producer.database.session(), "afinal").await;
    problem(producer.post("/v1/events/1/retry").await, 409, "wrong-state").await;
    for change in ["retry", "cancel"] {
        problem(producer.post(&format!("/v1/events/2/{change}")).await, 404, "event-not-found").await;
    }
}

#[tokio::test]
async fn finished_events_can_be_purged_in_steps_and_stay_counted() {
    let producer = Producer::start().await;
    let events = vec![json!({}); 600];
    producer.posting("/v1/events").json(&events).send().await.unwrap();
    for id in 1..=520 {
        assert_eq!(producer.post(&format!("/v1/events/{id}/cancel")).await.status(), 200);
    }
    assert_eq!(
        purge(&producer, "state=cancelled&olderThanSeconds=3600").await,
        json!({"purged": 0, "more": false})
    );
    assert_eq!(purge(&producer, "state=done&olderThanSeconds=0").await, json!({"purged": 0, "more": false}));
    assert_eq!(
        purge(&producer, "state=cancelled&olderThanSeconds=0").await,
        json!({"purged": 512, "more": true})
    );
    assert_eq!(
        purge(&producer, "state=cancelled&olderThanSeconds=0").await,
        json!({"purged": 8, "more": false})
    );
    assert_eq!(producer.get("/1").await.status(), 404);
    assert_eq!(producer.json("/").await["events"], 600);

    let stats = producer.json("/v1/stats").await;
    assert_eq!(
        (&stats["created"], &stats["pending"], &stats["removed"]),
        (&json!(600), &json!(80), &json!(520))
    );
}

#[tokio::test]
async fn the_statistics_add_up() {
    let producer = Producer::start().await;
    let empty = producer.json("/v1/stats").await;
    assert_eq!((&empty["created"], &empty["oldestPendingSeconds"]), (&json!(0), &Json::Null));
    let later = json!({"notBefore": "2999-01-01T00:00:00Z"});
    let events = [json!({}), json!({}), json!({}), json!({}), json!({}), later];
    producer.posting("/v1/events").json(&events).send().await.unwrap();
    kill(&producer).await;
    producer.consume(&mut producer.database.session(), "sim").await;
    claim(&mut producer.database.session()).await;
    producer.post("/v1/events/4/cancel").await;
    let mut stats = producer.json("/v1/stats").await;
    // The operator reads the statistics from the admin port.
    let (code, queue) = producer.admin("/queue").await;
    let mut queue: Json = serde_json::from_str(&queue).unwrap();
    assert!(queue["oldestPendingSeconds"].take().as_f64() >= stats["oldestPendingSeconds"].as_f64());
    let oldest = stats["oldestPendingSeconds"].take().as_f64().unwrap();
    assert!((0.0..Duration::from_mins(5).as_secs_f64()).contains(&oldest), "{oldest}");
    let pending = |stats: &mut Json, list: &str| stats[list].take()[0]["pending"].clone();
    for list in ["lanes", "types"] {
        assert_eq!((pending(&mut stats, list), pending(&mut queue, list)), (json!(1), json!(1)), "{list}");
    }
    assert_eq!(
        stats,
        json!({
            "created": 6, "pending": 1, "scheduled": 1, "blocked": 0, "processing": 1, "done": 1, "dead": 1,
            "cancelled": 1, "removed": 0, "oldestPendingSeconds": null, "lanes": null, "types": null,
        })
    );
    assert_eq!((code, queue), (200, stats));
}

#[tokio::test]
async fn an_invalid_or_unknown_parameter_is_named() {
    let producer = Producer::start().await;
    for (method, query, named) in [
        (Method::GET, "state=finished", "pending, blocked, processing, done, dead or cancelled"),
        (Method::GET, "limit=0", "1 to 1000"),
        (Method::GET, "limit=1001", "1 to 1000"),
        (Method::GET, "cursor=here", "next"),
        (Method::GET, "stat=done", "\"stat\""),
        (Method::DELETE, "state=pending&olderThanSeconds=0", "done, dead or cancelled"),
        (Method::DELETE, "olderThanSeconds=0", "\"state\""),
        (Method::DELETE, "state=done", "olderThanSeconds"),
        (Method::DELETE, "state=done&olderThanSeconds=-1", "whole number"),
        (Method::DELETE, "state=done&olderThanSeconds=99999999999999999999", "whole number"),
        (Method::DELETE, "state=done&olderThanSeconds=0&limit=1", "\"limit\""),
    ] {
        let response = producer.request(method, &format!("/v1/events?{query}")).await;
        let problem = problem(response, 400, "invalid-parameter").await;
        assert!(problem["detail"].as_str().unwrap().contains(named), "{query}: {problem}");
    }
}
