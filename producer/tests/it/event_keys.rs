//! Keys of events: at each way to create events, in responses, in statistics and in metrics.

use eventpipeline_database::KeyRules;
use eventpipeline_testkit::eventually;
use serde_json::json;

use crate::support::{Producer, problem, schema_with};

const RULES: &str = r#"{"concurrency": 1, "onDead": "Skip"}"#;

async fn set_rules(producer: &Producer) {
    producer.database.apply_key_rules(Some(KeyRules::from_json(RULES).unwrap())).await.unwrap();
}

#[tokio::test]
async fn a_key_is_stored_and_shown_and_later_events_of_it_are_blocked() {
    let producer = Producer::start().await;
    set_rules(&producer).await;
    assert_eq!(producer.post("/create-async?key=customer%207").await.status(), 202);
    let batch = json!([{"key": "customer 7", "payload": 1}, {"key": "b", "type": "order.created"}, {}]);
    assert_eq!(producer.posting("/v1/events").json(&batch).send().await.unwrap().status(), 202);
    let mut shown = Vec::new();
    for id in 1..=4 {
        let event = producer.json(&format!("/v1/events/{id}")).await;
        shown.push(json!([event["key"], event["state"]]));
    }
    assert_eq!(
        json!(shown),
        json!([["customer 7", "pending"], ["customer 7", "blocked"], ["b", "pending"], [null, "pending"]])
    );
    let blocked = producer.json("/v1/events?state=blocked").await;
    assert_eq!(blocked["events"][0]["id"], 2);
    let stats = producer.json("/v1/stats").await;
    assert_eq!((&stats["pending"], &stats["blocked"]), (&json!(3), &json!(1)));

    // A producer reads the statistics when it starts.
    let another = producer.another().await;
    let series = "eventpipeline_events{state=\"blocked\"}";
    let found = eventually(async || another.metric(series).await).await;
    assert!((found - 1.0).abs() < 0.5, "{found}");
}

#[tokio::test]
async fn a_key_that_is_not_valid_is_refused_and_nothing_is_created() {
    let producer = Producer::start().await;
    set_rules(&producer).await;
    for text in ["", "%20a", "a%20", "a%0Ab", "%C3%A9", &"x".repeat(256)] {
        let response = producer.post(&format!("/create-async?key={text}")).await;
        let problem = problem(response, 400, "invalid-parameter").await;
        assert!(problem["detail"].as_str().unwrap().contains("1 to 255 printable ASCII"), "{problem}");
    }
    let batch = json!([{}, {"key": "a\tb"}]);
    let response = producer.posting("/v1/events").json(&batch).send().await.unwrap();
    let problem = problem(response, 400, "invalid-event").await;
    assert!(problem["detail"].as_str().unwrap().contains("its key is not valid"), "{problem}");
    assert_eq!(producer.json("/").await["events"], 0);
}

#[tokio::test]
async fn without_rules_a_key_is_refused_and_other_requests_are_not() {
    let producer = Producer::start().await;
    let response = producer.post("/create-async?key=a").await;
    let refused = problem(response, 422, "keys-not-enabled").await;
    assert!(refused["detail"].as_str().unwrap().contains("`spec.keys`"), "{refused}");
    assert_eq!(producer.post("/create-async").await.status(), 202);
    assert_eq!(producer.json("/").await["events"], 1);

    let mut wrong = schema_with(producer.args(), &[("KEYS", r#"{"concurrency": 0}"#)]);
    assert!(!wrong.end().await.success());
    wrong.line("must be JSON like").await;
    assert!(schema_with(producer.args(), &[("KEYS", RULES)]).end().await.success());
    assert_eq!(producer.post("/create-async?key=a").await.status(), 202);
}
