//! An HTTP/1.1 server with bounds, for many connections that mostly wait: each costs little memory, none is kept for a client
//! that does not finish its request, does not read its answer or has vanished, and their number is limited.

mod connection;
mod refusal;
mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use futures::FutureExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use connection::{Activity, Tracked, drive};
pub use refusal::Refusals;
use socket::Socket;

/// How long to wait when the process has no file left for a connection.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How many clients may have connected and not been accepted yet; the kernel allows `net.core.somaxconn`, 4096 by default. Beyond, it
/// drops what they send, or resets them. The usual 128 is fewer than come at once when the clients of a producer that ended come here.
const BACKLOG: u32 = 4096;

/// Connections beyond the limit that are open at a time, and at most a quarter of the limit: each waits for a place, or is told
/// that there is none.
const REFUSED_AT_ONCE: usize = 128;
/// How long a connection beyond the limit waits for an idle one to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a client that is refused may take to send a request.
const REFUSED_HEAD: Duration = Duration::from_secs(5);

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
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Connections at a time. One more ends the connection that has been idle the longest; where none is idle, it is
    /// refused with [`StatusCode::SERVICE_UNAVAILABLE`].
    pub connections: usize,
    /// How long a connection may be without a request while there is no want of connections.
    ///
    /// Longer than the proxies in front keep theirs: whoever closes first must be the proxy, because a request that it sends at
    /// that moment is lost. Envoy keeps an idle connection for an hour, AWS load balancers for a minute, Google's for 10 minutes.
    pub idle: Duration,
    /// How long a client may take for the head of a request, from its first byte on.
    pub head: Duration,
    /// The largest head, in bytes.
    pub head_bytes: usize,
    /// How long a client may read nothing of an answer that waits for it.
    pub stall: Duration,
    /// Answers to requests that never reach the router.
    pub refusals: Refusals,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            idle: Duration::from_mins(65),
            head: Duration::from_secs(75),
            head_bytes: 16 * 1024,
            stall: Duration::from_secs(30),
            refusals: Refusals::default(),
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
    let server = Arc::new(Server {
        places: Arc::new(Semaphore::new(limits.connections)),
        beyond: Arc::new(Semaphore::new(REFUSED_AT_ONCE.min(limits.connections / 4 + 1))),
        wanted: Arc::default(),
        draining: CancellationToken::new(),
        router,
        limits,
    });
    let tasks = TaskTracker::new();
    let mut drain = pin!(drain);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut drain => break,
            accepted = server.accept(&listener) => accepted,
        };
        tasks.spawn(Arc::clone(&server).connection(stream, place));
    }
    drop(listener);
    server.draining.cancel();
    tasks.close();
    tasks.wait().await;
}

/// A place among the connections that are served, or among those that wait for one.
enum Place {
    Served(OwnedSemaphorePermit),
    Beyond(Option<OwnedSemaphorePermit>),
}

struct Server {
    places: Arc<Semaphore>,
    beyond: Arc<Semaphore>,
    /// Told when a place is wanted. The connection that has been idle the longest hears it, and ends.
    wanted: Arc<Notify>,
    draining: CancellationToken,
    router: Router,
    limits: HttpLimits,
}

impl Server {
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, Place) {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Place::Served(place),
            // The semaphore is never closed.
            Err(_) => Place::Beyond(Arc::clone(&self.beyond).acquire_owned().await.ok()),
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, place),
                Err(error) => {
                    warn!(%error, "failed to accept a connection");
                    self.wanted.notify_one();
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, place: Place) {
        if let Err(error) = socket::prepare(&stream) {
            // It ended before it began, or works all the same.
            debug!(%error, "failed to set the options of a connection");
        }
        match place {
            Place::Served(place) => self.serve(stream, place).await,
            Place::Beyond(held) => match self.wait_for_place().await {
                Some(place) => {
                    drop(held);
                    self.serve(stream, place).await;
                }
                None => self.refuse(stream).await,
            },
        }
    }

    async fn wait_for_place(&self) -> Option<OwnedSemaphorePermit> {
        self.wanted.notify_one();
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        // Where no connection was idle, the wake-up is still there, and would end the next one that becomes idle.
        self.wanted.notified().now_or_never();
        place.ok()?.ok()
    }

    async fn serve(&self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        let activity = Arc::new(Activity::default());
        let service = Tracked::new(self.router.clone(), Arc::clone(&activity));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_buf_size(self.limits.head_bytes)
            .serve_connection(
                Socket::new(stream, Arc::clone(&activity), &self.limits),
                TowerToHyperService::new(service),
            );
        drive(pin!(connection), &activity, &self.wanted, &self.draining).await;
    }

    /// Answers one request, whatever it is, with the refusal, and ends the connection.
    async fn refuse(&self, stream: TcpStream) {
        let refusals = self.limits.refusals.clone();
        let service = tower::service_fn(move |_: axum::extract::Request| {
            let refusal = refusals.response(StatusCode::SERVICE_UNAVAILABLE);
            std::future::ready(Ok::<Response, Infallible>(refusal))
        });
        let activity = Arc::new(Activity::default());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REFUSED_HEAD)
            .max_buf_size(self.limits.head_bytes)
            .keep_alive(false)
            .serve_connection(
                Socket::new(stream, activity, &self.limits),
                TowerToHyperService::new(tower::ServiceBuilder::new().map_request(request).service(service)),
            );
        if let Err(error) = connection.await {
            debug!(%error, "a connection that was refused ended early");
        }
    }
}

/// The request with a body of the router's type.
fn request(request: hyper::Request<hyper::body::Incoming>) -> axum::extract::Request {
    request.map(axum::body::Body::new)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
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

    /// Answers when it is told to, and says when it was asked.
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
    async fn a_connection_beyond_the_limit_ends_the_one_that_is_idle_the_longest() {
        let (router, was_asked, may_answer) = slow();
        let (address, _, _) = start(HttpLimits { connections: 3, ..HttpLimits::default() }, router).await;
        let mut busy = begin_slow(address).await;
        was_asked.notified().await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut idle).await.ends_with(b"hello"));
        let mut later = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut later).await.ends_with(b"hello"));
        let mut another = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut another).await.ends_with(b"hello"));
        assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0, "it made room");
        assert!(ask(&mut later).await.ends_with(b"hello"), "the others go on");
        may_answer.notify_one();
        let mut answer = vec![0; 1024];
        let length = busy.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"late"));
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_is_refused_where_none_is_idle() {
        let (router, was_asked, may_answer) = slow();
        let refusals = Refusals::new(|status| (status, "no place").into_response());
        let limits = HttpLimits { connections: 1, refusals, ..HttpLimits::default() };
        let (address, _, _) = start(limits, router).await;
        let mut busy = begin_slow(address).await;
        was_asked.notified().await;
        let mut refused = TcpStream::connect(address).await.unwrap();
        let answer = String::from_utf8(ask(&mut refused).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("no place"), "{answer}");
        may_answer.notify_one();
        let mut answer = vec![0; 1024];
        let length = busy.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"late"));
        assert!(ask(&mut busy).await.ends_with(b"hello"), "the refusal did not end the one that was served");
    }

    #[tokio::test]
    async fn what_is_no_http_gets_the_servers_own_answer() {
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
            // A reset may follow the answer: the rest of the request was never read.
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains("x-ours: 1\r\n") && answer.ends_with("\r\n\r\nwhy"), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_kept_for_longer_than_a_head_may_take() {
        let limits = HttpLimits { head: Duration::from_millis(20), ..HttpLimits::default() };
        let (address, _, _) = start(limits, hello()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut stream).await.ends_with(b"hello"));
        // Its head was there long ago, so that the time for it must not count on. A later connection of which the head
        // does not end shows that the time is over.
        let mut late = TcpStream::connect(address).await.unwrap();
        late.write_all(b"GET").await.unwrap();
        let _ = late.read_to_end(&mut Vec::new()).await;
        assert!(ask(&mut stream).await.ends_with(b"hello"));
    }

    #[tokio::test]
    async fn a_drain_answers_what_was_asked_and_closes_what_is_idle() {
        let (router, was_asked, may_answer) = slow();
        let (address, drain, served) = start(HttpLimits::default(), router).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = begin_slow(address).await;
        was_asked.notified().await;
        drain.cancel();
        assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
        may_answer.notify_one();
        let mut answer = vec![0; 1024];
        let length = busy.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"late"));
        served.await.unwrap();
    }
}
