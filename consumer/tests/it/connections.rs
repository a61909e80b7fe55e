//! The connections to a handler: kept, renewed, replaced if the handler closes them, and through a proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse as _;
use eventpipeline_database::State;
use eventpipeline_testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Server, http};
use crate::support::Pipeline;

/// Starts a server that reads this many requests of a connection and answers all but the last. Then it closes
/// the connection, like a server whose idle timeout expires at that moment.
async fn closes_at_request(last: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                for number in 1..=last {
                    let Ok(1..) = stream.read(&mut request).await else { return };
                    if number < last {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_kept_connection_that_the_handler_closes_costs_no_attempt() {
    let mut pipeline = Pipeline::new().await;
    let url = closes_at_request(2).await;
    let _consumer = pipeline.consumer(&http(&url, &[("MAX_ATTEMPTS", "1"), ("CONCURRENCY", "4")]));
    for _ in 0..10 {
        let ids = pipeline.create(8).await;
        pipeline.values(&ids).await;
    }
}

#[tokio::test]
async fn a_handler_that_closes_each_connection_fails_the_attempt_at_the_second_request() {
    let mut pipeline = Pipeline::new().await;
    let url = closes_at_request(1).await;
    let _consumer = pipeline.consumer(&http(&url, &[("MAX_ATTEMPTS", "2"), ("BACKOFF_MAX_SECONDS", "1")]));
    let ids = pipeline.create(1).await;
    let dead = pipeline.in_state(ids[0], State::Dead).await;
    assert_eq!(dead.attempts, 2);
    assert!(dead.error.unwrap().contains("connection closed before message completed"));
}

/// Starts a TCP proxy that forwards new connections to the server with the given index.
async fn balancer(servers: [String; 2], last: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let address = servers[last.load(Ordering::Relaxed)].replace("http://", "").replace('/', "");
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_handler_that_is_scaled_out_receives_work() {
    let mut pipeline = Pipeline::new().await;
    let slow = |_| async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        "feito".into_response()
    };
    let [one, other] = [Server::start(slow).await, Server::start(slow).await];
    let last = Arc::new(AtomicUsize::new(0));
    let url = balancer([one.url(), other.url()], Arc::clone(&last)).await;
    pipeline.create(4000).await;
    let _consumer = pipeline.consumer(&http(&url, &[("CONCURRENCY", "2")]));
    one.until_asked(1).await;
    last.store(1, Ordering::Relaxed);
    // There is always work, so no connection is ever idle.
    other.until_asked(10).await;
    let before = one.asked().len();
    other.until_asked(other.asked().len() + 20).await;
    assert!(one.asked().len() <= before + 2, "old connections are no longer used");
}

#[tokio::test]
async fn a_failing_proxy_is_named_and_not_used_for_this_machine() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|_| async { "direto".into_response() }).await;
    let ids = pipeline.create(1).await;
    let proxy = [("HTTP_PROXY", "http://me:S3CRET@127.0.0.1:9")];
    let consumer = pipeline.consumer(&http(&handler.url(), &proxy));
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "direto");
    drop(consumer);
    let further = [&proxy[..], &[("MAX_ATTEMPTS", "1")]].concat();
    let consumer = pipeline.consumer(&http("http://handler.example/", &further));
    let ids = pipeline.create(1).await;
    let dead = pipeline.in_state(ids[0], State::Dead).await;
    let error = dead.error.unwrap();
    assert!(error.contains("handler.example did not answer through the proxy http://127.0.0.1:9"), "{error}");
    eventually(async || consumer.log().contains("through the proxy").then_some(())).await;
    assert!(!consumer.log().contains("S3CRET"), "{}", consumer.log());
}
