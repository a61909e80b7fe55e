//! More connections than the process can hold: the API and the admin port still respond.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::Producer;

/// Number of files that the producer may open. The API gets half of them.
const FILES: u32 = 256;

async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address.trim_start_matches("http://")).await.unwrap()
}

#[tokio::test]
async fn idle_connections_are_closed_for_requests_and_probes() {
    let producer = Producer::with_files(FILES).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(connect(&producer.api).await);
    }
    assert_eq!(producer.post("/create-async").await.status(), 202);
    assert_eq!(producer.admin("/livez").await.0, 200);
    assert_eq!(producer.admin("/readyz").await.0, 200);
    // The connections that were idle longest are closed.
    assert_eq!(idle[0].read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn waiting_requests_exhaust_the_connections_of_the_api_only() {
    let producer = Producer::with_files(FILES).await;
    let mut waiting = Vec::new();
    for _ in 0..FILES / 2 {
        let mut client = connect(&producer.api).await;
        client.write_all(b"POST /create-sync HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        waiting.push(client);
    }
    eventpipeline_testkit::eventually(async || {
        let active = producer.metric("http_server_active_requests").await?;
        (active >= f64::from(FILES / 2)).then_some(())
    })
    .await;
    let refused = producer.post("/create-async").await;
    assert!(refused.headers().contains_key("retry-after"));
    crate::support::problem(refused, 503, "overloaded").await;
    assert_eq!(producer.admin("/livez").await.0, 200);
    drop(waiting);
    eventpipeline_testkit::eventually(async || {
        (producer.post("/create-async").await.status() == 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_admin_port_responds_with_many_stalled_connections() {
    let producer = Producer::start().await;
    let address = producer.admin_address();
    let mut held = Vec::new();
    for _ in 0..500 {
        let mut client = connect(address).await;
        client.write_all(b"GET /metrics HTTP/1.1\r\nhost:").await.unwrap();
        held.push(client);
    }
    assert_eq!(producer.admin("/livez").await.0, 200);
    // HTTP/2 with prior knowledge is not supported.
    let mut client = connect(address).await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
