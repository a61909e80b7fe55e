//! Metrics are documented, well named, exported from the start, and within their budget.

use std::collections::BTreeSet;

use eventpipeline_testkit::Scrape;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::Producer;

async fn scrape(producer: &Producer) -> Scrape {
    let (status, text) = producer.admin("/metrics").await;
    assert_eq!(status, 200);
    Scrape::new(text)
}

/// Returns the series without their values.
fn names(scrape: &Scrape) -> BTreeSet<String> {
    scrape.series().map(|series| series.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

/// Sends requests of each kind, with responses of each kind.
async fn traffic(producer: &Producer) {
    for path in ["/create-async", "/create-async?priority=10", "/v1/events/1/cancel", "/v1/events/1/retry"] {
        producer.post(path).await;
    }
    producer.posting("/v1/events").json(&json!([{}, {}])).send().await.unwrap();
    producer.posting("/create-sync").header("prefer", "wait=0").send().await.unwrap();
    for path in
        ["/", "/1", "/99", "/v1/events", "/v1/events?state=x", "/v1/events/1", "/v1/events/99", "/v1/stats"]
    {
        producer.get(path).await;
    }
    producer.request(Method::DELETE, "/v1/events?state=done&olderThanSeconds=0").await;
}

#[tokio::test]
async fn metrics_are_documented_well_named_and_few() {
    let producer = Producer::with_lanes().await;
    producer.until_counted().await;
    let before = scrape(&producer).await;
    before.assert_as_documented("eventpipeline-producer", 0);
    traffic(&producer).await;
    let after = scrape(&producer).await;
    after.assert_as_documented("eventpipeline-producer", 0);
    after.assert_well_named();
    assert_eq!(names(&after), names(&before), "all series must be exported from the start");
}

/// Requests that are not described add few series, however clients vary them.
#[tokio::test]
async fn requests_that_are_not_described_stay_within_the_budget() {
    let producer = Producer::with_lanes().await;
    producer.until_counted().await;
    let paths = [
        "/",
        "/1",
        "/create-async",
        "/create-sync",
        "/v1/events",
        "/v1/events/1",
        "/v1/events/1/cancel",
        "/v1/events/1/retry",
        "/v1/stats",
        "/openapi.json",
        "/no/such/path",
        "/another",
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for path in paths {
            let answer = producer.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let answer = tokio::time::timeout(std::time::Duration::from_millis(300), answer).await;
            assert!(answer.is_err() || answer.unwrap().status() != StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
    scrape(&producer).await.assert_as_documented("eventpipeline-producer", 0);
}
