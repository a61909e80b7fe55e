//! Overload: requests are refused at once, memory stays bounded, and the producer recovers.

use eventpipeline_testkit::{Database as Server, Engine, eventually};
use reqwest::StatusCode;
use serde_json::Value as Json;

use crate::support::Producer;

/// Number of requests, whose bodies exceed the memory budget together.
const REQUESTS: usize = 700;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Sends concurrent requests with large payloads, and returns their responses.
async fn flood(producer: &Producer) -> Vec<(StatusCode, Option<String>, Json)> {
    let payload = format!("\"{}\"", "a".repeat(64 * 1024 - 2));
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let post = producer.posting("/create-async").header("content-type", "application/json");
            let request = post.body(payload.clone());
            tokio::spawn(async move {
                let response = request.send().await.unwrap();
                let retry = response.headers().get("retry-after");
                let retry = retry.map(|seconds| seconds.to_str().unwrap().to_owned());
                (response.status(), retry, response.json().await.unwrap())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    answers
}

async fn resident_mebibytes(producer: &Producer) -> f64 {
    producer.metric("process_resident_memory_bytes").await.unwrap() / MEBIBYTE
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_while_the_database_hangs() {
    let server = Server::start(Engine::MySql).await;
    let producer = Producer::before(&server, &[]).await;
    let before = resident_mebibytes(&producer).await;
    server.freeze();
    let mut answers = flood(&producer).await;
    // On a busy machine the first requests may arrive so slowly that the budget suffices; the second ones then exceed it.
    answers.extend(flood(&producer).await);
    for (status, retry, problem) in &answers {
        assert_eq!(*status, 503, "{problem}");
        assert!(matches!(retry.as_deref(), Some("1" | "2" | "3" | "4")), "{retry:?}");
    }
    let overloaded = "urn:eventpipeline:problem:overloaded";
    assert!(answers.iter().any(|(_, _, problem)| problem["type"] == overloaded));
    let grown = resident_mebibytes(&producer).await - before;
    assert!(grown < 128.0, "{grown} MiB more");
    server.thaw();
    eventually(async || (producer.post("/create-async").await.status() == 202).then_some(())).await;
    let accepted = flood(&producer).await.iter().filter(|(status, ..)| *status == 202).count();
    assert!(accepted > 0);
    let stored = producer.json("/").await["events"].as_u64().unwrap();
    assert!(stored > u64::try_from(accepted).unwrap(), "{stored} of {accepted}");
}
