//! Types of events: at each way to create events, in responses, in statistics and in metrics.

use eventpipeline_database::Lanes;
use eventpipeline_testkit::eventually;
use serde_json::{Value as Json, json};

use crate::support::{Producer, problem, schema_with};

const LANES: &str = r#"[{"lane": "orders", "types": ["order.*"]}]"#;

async fn set_lanes(producer: &Producer) {
    producer.database.apply_lanes(&Lanes::from_json(LANES).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_type_is_stored_and_shown() {
    let producer = Producer::start().await;
    assert_eq!(producer.post("/create-async?type=order.created").await.status(), 202);
    assert_eq!(producer.post("/create-async?type=a%2Bb").await.status(), 202);
    let batch = json!([{"type": "com.example:order/created", "payload": 1}, {}]);
    assert_eq!(producer.posting("/v1/events").json(&batch).send().await.unwrap().status(), 202);
    let mut types = Vec::new();
    for id in 1..=4 {
        types.push(producer.json(&format!("/v1/events/{id}")).await["type"].clone());
    }
    assert_eq!(json!(types), json!(["order.created", "a+b", "com.example:order/created", null]));
}

#[tokio::test]
async fn a_type_that_is_not_valid_is_refused_and_nothing_is_created() {
    let producer = Producer::start().await;
    for text in ["", "a%20b", "a%0Ab", "order.*", "%C3%A9", "a.", &"x".repeat(256)] {
        let response = producer.post(&format!("/create-async?type={text}")).await;
        let problem = problem(response, 400, "invalid-parameter").await;
        assert!(problem["detail"].as_str().unwrap().contains("1 to 255 letters, digits"), "{problem}");
    }
    let batch = json!([{}, {"type": "a b"}]);
    let response = producer.posting("/v1/events").json(&batch).send().await.unwrap();
    let problem = problem(response, 400, "invalid-event").await;
    assert!(problem["detail"].as_str().unwrap().contains("it contains ' '"), "{problem}");
    assert_eq!(producer.json("/").await["events"], 0);
}

#[tokio::test]
async fn statistics_and_metrics_name_lanes_and_types() {
    let producer = Producer::start().await;
    set_lanes(&producer).await;
    let events = json!([{"type": "order.a"}, {"type": "order.a"}, {"type": "invoice"}, {}, {"type": "order.b", "delaySeconds": 60}]);
    producer.posting("/v1/events").json(&events).send().await.unwrap();
    let stats = producer.json("/v1/stats").await;
    assert_eq!((&stats["pending"], &stats["scheduled"]), (&json!(4), &json!(1)));
    let lane =
        |name: Json| stats["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == name).unwrap();
    assert_eq!((&lane(Json::Null)["pending"], &lane(Json::Null)["scheduled"]), (&json!(2), &json!(0)));
    assert_eq!(
        (&lane(json!("orders"))["pending"], &lane(json!("orders"))["scheduled"]),
        (&json!(2), &json!(1))
    );
    assert!(lane(json!("orders"))["oldestPendingSeconds"].as_f64().is_some());
    let mut types: Vec<_> = stats["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| json!([of["lane"], of["type"], of["pending"]]))
        .collect();
    types.sort_by_key(Json::to_string);
    assert_eq!(json!(types), json!([["orders", "order.a", 2], [null, "invoice", 1], [null, null, 1]]));

    // A producer reads the statistics when it starts.
    let another = producer.another().await;
    for (series, events) in [
        ("eventpipeline_lane_events{lane=\"orders\",state=\"pending\"}", 2.0),
        ("eventpipeline_lane_events{lane=\"orders\",state=\"scheduled\"}", 1.0),
        ("eventpipeline_lane_events{lane=\"(default)\",state=\"pending\"}", 2.0),
        ("eventpipeline_type_pending_events{lane=\"orders\",type=\"order.a\"}", 2.0),
        ("eventpipeline_type_pending_events{lane=\"(default)\",type=\"(none)\"}", 1.0),
    ] {
        let found = eventually(async || another.metric(series).await).await;
        assert!((found - events).abs() < 0.5, "{series}: {found}");
    }
}

/// A pipeline that uses no types pays for no series of them.
#[tokio::test]
async fn a_pipeline_without_lanes_exports_no_lanes() {
    let producer = Producer::start().await;
    producer.post("/create-async?type=order.a").await;
    let another = producer.another().await;
    eventually(async || another.metric("eventpipeline_events_counted").await).await;
    let (_, metrics) = another.admin("/metrics").await;
    assert!(
        !metrics.contains("eventpipeline_lane_") && !metrics.contains("eventpipeline_type_"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_schema_command_stores_lanes_and_refuses_wrong_ones() {
    let producer = Producer::start().await;
    let mut wrong = schema_with(producer.args(), &[("LANES", r#"[{"lane": "a", "types": ["*"]}]"#)]);
    assert!(!wrong.end().await.success());
    wrong.line("is not a type").await;
    let mut right = schema_with(producer.args(), &[("LANES", LANES)]);
    assert!(right.end().await.success());
    producer.post("/create-async?type=order.a").await;
    assert_eq!(producer.json("/v1/stats").await["lanes"][1]["pending"], 1);
    // Without lanes all events return to one lane.
    assert!(schema_with(producer.args(), &[]).end().await.success());
    assert_eq!(producer.json("/v1/stats").await["lanes"][0]["pending"], 1);
}
