use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use eventpipeline_testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::http::tests::within_limit;
use crate::http::{HttpLimits, serve_http};

/// More than kernels buffer for a connection.
const LARGE: usize = 24 * 1024 * 1024;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// Counts the responses that were freed.
type Freed = Arc<AtomicUsize>;

struct Answer(Vec<u8>, Freed);

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

fn large(freed: &Freed) -> Router {
    let freed = Arc::clone(freed);
    Router::new().route("/", get(async move || Bytes::from_owner(Answer(vec![b'x'; LARGE], freed))))
}

async fn start(stall: Duration, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = HttpLimits { stall, ..HttpLimits::default() };
    tokio::spawn(serve_http(listener, router, limits, std::future::pending()));
    address
}

async fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_its_answer_freed() {
    let freed = Freed::default();
    let mut stream = ask(start(Duration::from_millis(50), large(&freed)).await).await;
    eventually(async || (freed.load(Ordering::Relaxed) == 1).then_some(())).await;
    let mut read = Vec::new();
    assert!(within_limit(stream.read_to_end(&mut read)).await.is_err(), "the connection is reset");
    assert!(read.len() < LARGE);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_the_whole_answer() {
    let (stall, answers) = (Duration::from_secs(8), large(&Freed::default()));
    let mut stream = ask(start(stall, answers).await).await;
    let (mut read, mut part) = (0, vec![0; 1024 * 1024]);
    let started = std::time::Instant::now();
    while read < LARGE {
        match within_limit(stream.read_exact(&mut part)).await {
            Ok(length) => read += length,
            Err(error) => panic!("{error} after {read} bytes and {:?}", started.elapsed()),
        }
        // Slow, but with enough margin to the stall for a busy machine.
        tokio::time::sleep(stall / 20).await;
    }
    assert!(started.elapsed() > stall, "it took longer than a stall may last");
}

#[tokio::test]
async fn a_client_that_waits_for_its_answer_is_left_alone() {
    let stall = Duration::from_millis(10);
    let late = async move || {
        tokio::time::sleep(stall * 10).await;
        "late"
    };
    let mut stream = ask(start(stall, Router::new().route("/", get(late))).await).await;
    let mut answer = vec![0; 1024];
    let length = within_limit(stream.read(&mut answer)).await.unwrap();
    assert!(answer[..length].ends_with(b"late"));
}

#[tokio::test]
async fn no_request_is_read_from_a_client_that_does_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let stream = listener.accept().await.unwrap().0;
    let mut socket = Socket::new(stream, Arc::default(), &HttpLimits::default());
    client.write_all(REQUEST).await.unwrap();
    socket.stream.inner().readable().await.unwrap();
    let (mut written, large) = (0, vec![b'x'; 1024 * 1024]);
    poll_fn(|cx| {
        while let Poll::Ready(length) = Pin::new(&mut socket).poll_write(cx, &large) {
            written += length.unwrap();
        }
        let mut space = [0; 64];
        let mut buffer = hyper::rt::ReadBuf::new(&mut space);
        assert!(Pin::new(&mut socket).poll_read(cx, buffer.unfilled()).is_pending());
        Poll::Ready(())
    })
    .await;
    let reading = tokio::spawn(async move {
        client.read_exact(&mut vec![0; written]).await.unwrap();
        client
    });
    let mut space = [0; 64];
    let mut buffer = hyper::rt::ReadBuf::new(&mut space);
    poll_fn(|cx| {
        // Like hyper, try to write whenever the task is woken.
        let reads = Pin::new(&mut socket).poll_read(cx, buffer.unfilled());
        if reads.is_pending() {
            let _ = Pin::new(&mut socket).poll_write(cx, b"x");
        }
        reads
    })
    .await
    .unwrap();
    assert_eq!(buffer.filled(), REQUEST);
    reading.await.unwrap();
}

#[tokio::test]
async fn silent_clients_are_probed_by_keepalive() {
    let waits = Router::new().route("/", get(std::future::pending::<()>));
    let address = start(Duration::from_secs(1), waits).await;
    let client = ask(address).await;
    let hex = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
    let ends = format!(" {} {} ", hex(address), hex(client.local_addr().unwrap()));
    // Timer 2 is keepalive, in hundredths of a second.
    eventually(async || {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let connection = connections.lines().find(|line| line.contains(&ends))?.to_owned();
        let timer = connection.split_whitespace().nth(5)?.strip_prefix("02:")?.to_owned();
        (u64::from_str_radix(&timer, 16).unwrap() <= 6000).then_some(())
    })
    .await;
}
