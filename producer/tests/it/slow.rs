//! Slow bodies yield their memory to other clients.

use eventpipeline_testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::Producer;

/// Number of clients that start at once. The memory budget holds 512 bodies.
const AT_ONCE: usize = 100;
const BODY: usize = 64 * 1024;

/// Sends most of a body, waits for the response, and returns its status line.
async fn trickle(address: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /create-async HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &vec![b'1'; BODY - 1]].concat()).await.unwrap();
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_do_not_exclude_others() {
    let producer = Producer::start().await;
    let address = producer.api.trim_start_matches("http://");
    let mut trickling = JoinSet::new();
    let post = async || producer.posting("/create-async").json(&"quick".repeat(1000)).send().await.unwrap();
    // Refused requests leave memory to others, so more clients start until the budget is exhausted.
    let refused = eventually(async || {
        for _ in 0..AT_ONCE {
            trickling.spawn(trickle(address.to_owned()));
        }
        let answer = post().await;
        (answer.status() == 503).then_some(answer)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    // Requests without a body are served.
    assert_eq!(producer.post("/create-async").await.status(), 202);
    assert_eq!(producer.get("/").await.status(), 200);
    // The slow bodies yield before their timeout of a minute.
    let begun = std::time::Instant::now();
    eventually(async || (post().await.status() == 202).then_some(())).await;
    assert!(begun.elapsed().as_secs() < 45, "{:?}", begun.elapsed());
    let first = trickling.join_next().await.unwrap().unwrap();
    assert_eq!(first, "HTTP/1.1 503 Service Unavailable");
}
