//! Clients that do not read their responses cost bounded memory, and other clients are served.

use eventpipeline_testkit::eventually;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Producer, problem};

/// Number of clients, whose responses exceed the memory budget together.
const CLIENTS: usize = 20;
const LIST: &str = "/v1/events?limit=64";

/// Starts a producer with events that exceed the kernel's buffers of a connection.
async fn with_large_events() -> Producer {
    let producer = Producer::start().await;
    let event = json!({ "payload": "a".repeat(60_000) });
    for _ in 0..2 {
        let batch = producer.posting("/v1/events").json(&vec![&event; 32]).send().await.unwrap();
        assert_eq!(batch.status(), 202);
    }
    producer
}

/// Requests the list many times on one connection, as a pipelining client does, and reads no response.
async fn ask(producer: &Producer) -> TcpStream {
    let mut stream = TcpStream::connect(producer.api.trim_start_matches("http://")).await.unwrap();
    let request = format!("GET {LIST} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.repeat(50).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn unread_responses_take_bounded_memory() {
    let producer = with_large_events().await;
    assert_eq!(producer.get(LIST).await.status(), 200);
    let resident = async || producer.metric("process_resident_memory_bytes").await.unwrap() / 1024.0 / 1024.0;
    let before = resident().await;
    let mut unread = Vec::new();
    for _ in 0..CLIENTS {
        unread.push(ask(&producer).await);
    }
    let refused = eventually(async || {
        let answer = producer.get(LIST).await;
        (answer.status() == 503).then_some(answer)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503, "overloaded").await;
    let grown = resident().await - before;
    assert!(grown < 80.0, "{grown} MiB more");

    assert_eq!(producer.get("/").await.status(), 200);
    assert_eq!(producer.post("/create-async").await.status(), 202);
    let waits = tokio::spawn(producer.posting("/create-sync").send());
    producer.until_waiters(1).await;

    drop(unread);
    eventually(async || (producer.get(LIST).await.status() == 200).then_some(())).await;
    assert!(!waits.is_finished());
    waits.abort();
}

#[tokio::test]
async fn a_problem_quotes_a_bounded_part_of_a_request() {
    let producer = Producer::start().await;
    let body = json!({ "notBefore": "ã".repeat(1_000_000) });
    let answer = producer.posting("/v1/events").json(&body).send().await.unwrap();
    let problem = problem(answer, 400, "invalid-event").await;
    assert!(problem["detail"].as_str().unwrap().len() < 3000);
}
