//! The examples of the API's description: a running producer answers each request as described.
//!
//! `EXAMPLES=write cargo test -p eventpipeline-producer --test it examples` records the responses. A new example begins with the
//! text `null`.

use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Completion, Failure, KeyRules, Lease, LowWaterMark, MaxAttempts, Next, Owner, Value,
};
use eventpipeline_testkit::eventually;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use crate::support::Producer;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples.json");

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered_as_described() {
    let producer = Producer::start().await;
    let rules = KeyRules::from_json(r#"{"concurrency": 1, "onDead": "Skip"}"#).unwrap();
    producer.database.apply_key_rules(Some(rules)).await.unwrap();
    let described: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let mut answered = described.clone();
    for example in &mut answered {
        let title = example["title"].as_str().unwrap().to_owned();
        before(&producer, &title).await;
        let response = request(&producer, &example["request"]).send();
        let (response, ()) = tokio::join!(response, meanwhile(&producer, &title));
        let response = response.unwrap();
        example["response"]["status"] = json!(response.status().as_u16());
        let headers = example["response"].get_mut("headers").and_then(Json::as_object_mut);
        for (name, value) in headers.into_iter().flatten() {
            *value = json!(
                response
                    .headers()
                    .get(name)
                    .unwrap_or_else(|| panic!("{title}: no {name}"))
                    .to_str()
                    .unwrap()
            );
        }
        example["response"]["text"] = json!(fixed(&response.text().await.unwrap()));
    }
    let operations = super::openapi::operations();
    let has_example = |id: &Json| described.iter().any(|example| &example["operation"] == id);
    assert!(operations.iter().all(|(_, _, operation)| has_example(&operation["operationId"])));
    if std::env::var_os("EXAMPLES").is_some() {
        std::fs::write(FILE, format!("{:#}\n", Json::from(answered))).unwrap();
    } else {
        assert_eq!(described, answered);
    }
}

fn request(producer: &Producer, example: &Json) -> RequestBuilder {
    let text = |field: &str| example[field].as_str().map(str::to_owned);
    let method: Method = text("method").unwrap().parse().unwrap();
    let mut request = producer.client.request(method, format!("{}{}", producer.api, text("path").unwrap()));
    let headers = example["headers"].as_object();
    for (name, value) in headers.into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    let Some(body) = text("text") else { return request };
    let has_type = headers.is_some_and(|headers| headers.contains_key("Content-Type"));
    if has_type { request.body(body) } else { request.header("Content-Type", "application/json").body(body) }
}

/// Plays the consumer before a request.
async fn before(producer: &Producer, title: &str) {
    let mut session = producer.database.session();
    match title {
        "Read the value of an event that is done" => {
            for value in ["saudade", "mestre"] {
                let completion =
                    Completion { claim: claim(producer).await, value: Value::new(value).unwrap() };
                session.complete(&[completion]).await.unwrap();
            }
        }
        "List dead events" => {
            let claim = claim(producer).await;
            let error = "the handler returned 422 Unprocessable Entity: no such order".to_owned();
            session.fail(&[Failure { claim, error, next: Next::Dead }]).await.unwrap();
        }
        _ => {}
    }
}

/// Plays the consumer while a request waits.
async fn meanwhile(producer: &Producer, title: &str) {
    if title == "Create an event and wait for its value" {
        let completion = Completion { claim: claim(producer).await, value: Value::new("chegada").unwrap() };
        producer.database.session().complete(&[completion]).await.unwrap();
    }
}

/// Waits for an event and claims it.
async fn claim(producer: &Producer) -> Claimed {
    let owner = Owner::new("orders-consumer-default-6d4cf56db6-x2x7p", MaxAttempts::new(25).unwrap());
    let lease = Lease::new(Duration::from_mins(1));
    let limit = ClaimLimit { events: 1, bytes: usize::MAX };
    let mut session = producer.database.session();
    eventually(async || {
        session.claim(&mut LowWaterMark::default(), &owner, lease, limit).await.unwrap().events.pop()
    })
    .await
}

/// Replaces what differs from run to run.
fn fixed(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, value) in [
        ("createdAt", r#""2026-11-25T13:41:29.987654Z""#),
        ("notBefore", r#""2026-11-25T13:42:59.987654Z""#),
        ("finishedAt", r#""2026-11-25T13:41:30.017342Z""#),
        ("oldestPendingSeconds", "1.284913"),
        ("next", r#""1764078089987654-1""#),
    ] {
        let field = format!("\"{name}\":");
        let parts: Vec<_> = text.split(&field).collect();
        let fixed = parts.iter().skip(1).map(|part| {
            let end = part.find([',', '}']).unwrap();
            let value = if part.starts_with("null") { "null" } else { value };
            format!("{field}{value}{}", &part[end..])
        });
        text = [parts[0].to_owned()].into_iter().chain(fixed).collect();
    }
    text
}
