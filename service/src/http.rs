//! An HTTP/1.1 server with bounds, for many connections that mostly wait: each costs little memory, none is kept for a client
//! that does not finish its request, does not read its answer or has vanished, and their number is limited.

mod connection;
mod refusal;
mod socket;

use std::convert::Infallible;
use std::future::Future;
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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use connection::{Activity, Tracked, drive};
pub use refusal::Refusals;
use socket::Socket;

/// How long to wait when the process has no file left for a connection.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Connections beyond the limit that are open at a time, and at most a quarter of the limit: each waits for a place, or is told
/// that there is none.
const REFUSED_AT_ONCE: usize = 128;
/// How long a connection beyond the limit waits for an idle one to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a client that is refused may take to send a request.
const REFUSED_HEAD: Duration = Duration::from_secs(5);

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
mod tests;
