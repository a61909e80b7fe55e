//! Tests of `selftest`, which `helm test` runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::pipeline::{self, Pipeline};
use crate::server::{answering, refusing_handler, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_waits_for_the_pipeline_and_creates_one_event() {
    let pipeline = Pipeline::start().await;
    let waiting = pipeline.run(&["selftest", "--timeout", "1s"]);
    assert_eq!(waiting.code, 5, "no response: {waiting:?}");
    assert!(waiting.err.contains("event 1 has no value"), "{waiting:?}");

    let _consumer = pipeline.consumer(&[]);
    let proved = pipeline.run(&["selftest", "-o", "json"]);
    assert_eq!(proved.code, 0, "{proved:?}");
    let event = proved.json();
    assert_eq!((event["id"].as_u64(), event["state"].as_str()), (Some(2), Some("done")));
    let read = pipeline.run(&["get", "2", "-o", "json"]).json();
    assert_eq!(read["valor"], event["valor"]);
    assert_eq!(pipeline.run(&["stats", "-o", "json"]).json()["created"], 2);

    let begun = Instant::now();
    let unreachable = pipeline::tool("http://127.0.0.1:9", &["selftest", "--timeout", "6s"]);
    assert_eq!(unreachable.code, 4, "{unreachable:?}");
    assert!(begun.elapsed() >= Duration::from_secs(6), "it is asked again until the time is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_fails_if_the_event_is_refused() {
    let pipeline = Pipeline::start().await;
    let url = refusing_handler().await;
    let _consumer = pipeline.consumer(&["--handler", "http", "--handler-url", &url]);
    let refused = pipeline.run(&["selftest"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("event 1 is dead"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_fails_if_the_value_reads_differently() {
    let url = answering(|path| match path {
        "/create-async" => r#"{"id": 1}"#,
        "/1" => r#"{"valor": "another"}"#,
        _ => r#"{"id": 1, "state": "done", "valor": "one"}"#,
    });
    let wrong = pipeline::tool(&url.await, &["selftest"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(
        wrong.err.contains(r#"event 1 got the value "one", but reading it returns "another""#),
        "{wrong:?}"
    );
}

/// An ingress controller responds like this before it knows the route, and then before it knows a pod.
#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_waits_while_a_proxy_answers_for_the_pipeline() {
    let asked = Arc::new(AtomicU32::new(0));
    let url = server(move |path| {
        let (status, body) = match (asked.fetch_add(1, Ordering::Relaxed), path) {
            (0, _) => ("404 Not Found", ""),
            (1, _) => ("503 Service Unavailable", "no healthy upstream"),
            (_, "/create-async") => ("202 Accepted", r#"{"id": 1}"#),
            _ => ("200 OK", r#"{"id": 1, "state": "done", "valor": "one"}"#),
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    });
    let proved = pipeline::tool(&url.await, &["selftest"]);
    assert_eq!(proved.code, 0, "{proved:?}");
}
