//! An HTTP/1.1 server with bounds, for many connections that mostly wait: each costs little memory, none is kept for a client
//! that does not finish its request, does not read its answer or has vanished, and there are only so many.

mod socket;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use socket::Socket;

/// How long to wait when the process has no file left for a connection.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How many clients may have connected and not been accepted yet; the kernel allows `net.core.somaxconn`, 4096 by default. Beyond, it
/// drops what they send, or resets them. The usual 128 is fewer than come at once when the clients of a producer that ended come here.
const BACKLOG: u32 = 4096;

/// Takes a port, for many clients that come at once.
///
/// # Errors
/// When the port is in use, or nobody's to take.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A program that starts again finds its port held by connections that ended a moment ago.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The bounds of a server.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// How long a client may take for the head of a request, and for the next request on the same connection.
    pub head: Duration,
    /// The largest head, in bytes.
    pub head_bytes: usize,
    /// How long a client may read nothing of an answer that waits for it.
    pub stall: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            head: Duration::from_secs(75),
            head_bytes: 16 * 1024,
            stall: Duration::from_secs(30),
        }
    }
}

/// Serves until `drain` is over; then accepts nothing more, closes connections that are idle, and returns when the last
/// request is answered.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    drain: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    let mut drain = pin!(drain);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut drain => break,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Err(error) = socket::prepare(&stream) {
            // It ended before it began, or works all the same.
            debug!(%error, "failed to set the options of a connection");
        }
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(limits.head_bytes)
            .serve_connection(Socket::new(stream, limits.stall), TowerToHyperService::new(router.clone()));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;
    use tokio_util::sync::CancellationToken;

    use super::*;

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
        let mut answer = vec![0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        answer.truncate(length);
        answer
    }

    #[tokio::test]
    async fn a_client_that_does_not_finish_its_head_is_cut_off() {
        let limits = HttpLimits { head: Duration::from_millis(20), ..HttpLimits::default() };
        let (address, _, _) = start(limits, hello()).await;
        for begun in [&b""[..], b"GET / HTTP/1.1\r\nhost:"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun).await.unwrap();
            let mut rest = Vec::new();
            // Whatever it is told: it comes to an end.
            let _ = stream.read_to_end(&mut rest).await;
            assert!(!String::from_utf8_lossy(&rest).contains("hello"));
        }
    }

    #[tokio::test]
    async fn many_clients_at_once_are_let_in_before_they_are_accepted() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        // More than the usual backlog, and fewer than the files that a process may open by default.
        for number in 0..500 {
            let connect = tokio::time::timeout(Duration::from_secs(30), TcpStream::connect(address));
            clients.push(connect.await.unwrap_or_else(|_| panic!("client {number} waits")).unwrap());
        }
        drop(listener);
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_a_place() {
        let (address, _, _) = start(HttpLimits { connections: 1, ..HttpLimits::default() }, hello()).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await.ends_with(b"hello"));
        let mut second = TcpStream::connect(address).await.unwrap();
        let asking = tokio::spawn(async move { ask(&mut second).await });
        assert!(ask(&mut first).await.ends_with(b"hello"), "the first one goes on");
        assert!(!asking.is_finished());
        drop(first);
        assert!(asking.await.unwrap().ends_with(b"hello"));
    }

    #[tokio::test]
    async fn a_drain_answers_what_was_asked_and_closes_what_is_idle() {
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (was_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&answer));
        let slow = Router::new().route(
            "/",
            get(move || async move {
                asked.notify_one();
                answer.notified().await;
                "late"
            }),
        );
        let (address, drain, served) = start(HttpLimits::default(), slow).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        let asking = tokio::spawn(async move { ask(&mut busy).await });
        was_asked.notified().await;
        drain.cancel();
        assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
        may_answer.notify_one();
        assert!(asking.await.unwrap().ends_with(b"late"));
        served.await.unwrap();
    }
}
