use std::net::SocketAddr;

use axum::response::IntoResponse as _;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::listen::listen;

/// Waits for an operation of a test, which fails instead of waiting forever.
pub(crate) async fn within_limit<T>(operation: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), operation).await.expect("it takes longer than 30 s")
}

async fn start(limits: HttpLimits, router: Router) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = CancellationToken::new();
    let served = tokio::spawn(serve_http(listener, router, limits, drain.clone().cancelled_owned()));
    (address, drain, served)
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn ask(stream: &mut TcpStream) -> Vec<u8> {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(stream).await
}

/// Reads a response, or nothing if the connection was closed.
async fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = vec![0; 1024];
    let length = within_limit(stream.read(&mut answer)).await.unwrap();
    answer.truncate(length);
    answer
}

#[tokio::test]
async fn a_client_that_does_not_finish_a_head_is_disconnected() {
    let limits = HttpLimits {
        head: Duration::from_millis(20),
        idle: Duration::from_millis(20),
        ..HttpLimits::default()
    };
    let (address, _, _) = start(limits, hello()).await;
    for begun in [&b""[..], b"GET / HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        // An error or a response: the connection ends.
        let _ = within_limit(stream.read_to_end(&mut rest)).await;
        assert!(!String::from_utf8_lossy(&rest).contains("hello"));
    }
}

#[tokio::test]
async fn many_clients_can_connect_before_they_are_accepted() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    // More than the usual backlog, and fewer than the default limit of open files.
    for number in 0..500 {
        let connect = tokio::time::timeout(Duration::from_secs(30), TcpStream::connect(address));
        clients.push(connect.await.unwrap_or_else(|_| panic!("client {number} waits")).unwrap());
    }
    drop(listener);
}

/// Returns a router whose `/slow` notifies the test of a request and answers when told to.
fn slow() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (was_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&answer));
    let router = hello().route(
        "/slow",
        get(async move || {
            asked.notify_one();
            answer.notified().await;
            "late"
        }),
    );
    (router, was_asked, may_answer)
}

async fn begin_slow(address: SocketAddr) -> TcpStream {
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    busy
}

#[tokio::test]
async fn a_connection_beyond_the_limit_closes_the_one_that_is_idle_the_longest() {
    let (router, was_asked, may_answer) = slow();
    let (address, _, _) = start(HttpLimits { connections: 3, ..HttpLimits::default() }, router).await;
    let mut busy = begin_slow(address).await;
    within_limit(was_asked.notified()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut idle).await.ends_with(b"hello"));
    let mut later = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut later).await.ends_with(b"hello"));
    let mut another = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut another).await.ends_with(b"hello"));
    assert!(answer(&mut idle).await.is_empty(), "it is closed");
    assert!(ask(&mut later).await.ends_with(b"hello"), "the others remain");
    may_answer.notify_one();
    assert!(answer(&mut busy).await.ends_with(b"late"));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_refused_if_none_is_idle() {
    let (router, was_asked, may_answer) = slow();
    let refusals = Refusals::new(|status| (status, "no slot").into_response());
    let limits = HttpLimits { connections: 1, refusals, ..HttpLimits::default() };
    let (address, _, _) = start(limits, router).await;
    let mut busy = begin_slow(address).await;
    within_limit(was_asked.notified()).await;
    let mut refused = TcpStream::connect(address).await.unwrap();
    let refusal = String::from_utf8(ask(&mut refused).await).unwrap();
    assert!(refusal.starts_with("HTTP/1.1 503") && refusal.ends_with("no slot"), "{refusal}");
    may_answer.notify_one();
    assert!(answer(&mut busy).await.ends_with(b"late"));
    assert!(ask(&mut busy).await.ends_with(b"hello"), "the refusal did not close the other one");
}

#[tokio::test]
async fn a_request_that_is_not_http_gets_our_answer() {
    let refusals = Refusals::new(|status| (status, [("x-ours", "1")], "why").into_response());
    let (address, _, _) = start(HttpLimits { refusals, ..HttpLimits::default() }, hello()).await;
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(120));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(20_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost x\r\n\r\n", "400"),
        (&large, "431"),
        (&many, "431"),
        (&long, "431"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset may follow the response, because the rest of the request was never read.
        let _ = within_limit(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("x-ours: 1\r\n") && answer.ends_with("\r\n\r\nwhy"), "{answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_a_head_may_take() {
    let limits = HttpLimits { head: Duration::from_millis(20), ..HttpLimits::default() };
    let (address, _, _) = start(limits, hello()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut stream).await.ends_with(b"hello"));
    // The timer of its head must have stopped. A later connection with an unfinished head shows that the time
    // is over.
    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(b"GET").await.unwrap();
    let _ = within_limit(late.read_to_end(&mut Vec::new())).await;
    assert!(ask(&mut stream).await.ends_with(b"hello"));
}

#[tokio::test]
async fn a_drain_answers_requests_and_closes_idle_connections() {
    let (router, was_asked, may_answer) = slow();
    let (address, drain, served) = start(HttpLimits::default(), router).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = begin_slow(address).await;
    within_limit(was_asked.notified()).await;
    drain.cancel();
    assert!(answer(&mut idle).await.is_empty());
    may_answer.notify_one();
    assert!(answer(&mut busy).await.ends_with(b"late"));
    within_limit(served).await.unwrap();
}
