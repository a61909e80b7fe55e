//! An HTTP/1.1 server with limits, for many connections that mostly wait. A connection costs little memory.
//! It is closed if its client does not finish a request, does not read a response, or has vanished. The number
//! of connections is limited.

mod activity;
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

use activity::Activity;
use connection::{Tracked, drive};
pub use refusal::Refusals;
use socket::Socket;

/// Pause after a connection could not be accepted, for example because too many files are open.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Maximum number of open connections beyond the limit, if that is less than a quarter of the limit. They
/// wait for a slot or are refused.
const REFUSED_AT_ONCE: usize = 128;
/// Time that a connection beyond the limit waits until an idle one is closed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time in which a client that is refused must send a request.
const REFUSED_HEAD: Duration = Duration::from_secs(5);

/// The limits of a server.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Maximum number of connections. A further one closes the connection that has been idle the longest. If
    /// none is idle, it is refused with [`StatusCode::SERVICE_UNAVAILABLE`].
    pub connections: usize,
    /// Time after which an idle connection is closed.
    ///
    /// It is longer than that of proxies: the proxy must close first, because a request that it sends at the
    /// moment of closing is lost. Envoy keeps an idle connection for an hour, AWS load balancers for a
    /// minute, Google's for 10 minutes.
    pub idle: Duration,
    /// Time to receive the head of a request, from its first byte.
    pub head: Duration,
    /// Maximum size of a head, in bytes.
    pub head_bytes: usize,
    /// Time for which a client may read nothing of a response.
    pub stall: Duration,
    /// The responses to requests that never reach the router.
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

/// Serves until `drain` completes. Then it accepts no more connections, closes idle ones, and returns after
/// the last request is answered.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    drain: impl Future<Output = ()>,
) {
    let server = Arc::new(Server {
        slots: Arc::new(Semaphore::new(limits.connections)),
        beyond: Arc::new(Semaphore::new(REFUSED_AT_ONCE.min(limits.connections / 4 + 1))),
        wanted: Arc::default(),
        draining: CancellationToken::new(),
        router,
        limits,
    });
    let tasks = TaskTracker::new();
    let mut drain = pin!(drain);
    loop {
        let (stream, slot) = tokio::select! {
            () = &mut drain => break,
            accepted = server.accept(&listener) => accepted,
        };
        tasks.spawn(Arc::clone(&server).connection(stream, slot));
    }
    drop(listener);
    server.draining.cancel();
    tasks.close();
    tasks.wait().await;
}

/// The slot of a connection that is served, or of one beyond the limit.
enum Slot {
    Served(OwnedSemaphorePermit),
    Beyond(Option<OwnedSemaphorePermit>),
}

struct Server {
    slots: Arc<Semaphore>,
    beyond: Arc<Semaphore>,
    /// Notifies the connection that has been idle the longest, which then closes.
    wanted: Arc<Notify>,
    draining: CancellationToken,
    router: Router,
    limits: HttpLimits,
}

impl Server {
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, Slot) {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => Slot::Served(slot),
            // The semaphore is never closed.
            Err(_) => Slot::Beyond(Arc::clone(&self.beyond).acquire_owned().await.ok()),
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, slot),
                Err(error) => {
                    warn!(%error, "failed to accept a connection");
                    self.wanted.notify_one();
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, slot: Slot) {
        if let Err(error) = socket::prepare(&stream) {
            // The connection is already closed, or works without them.
            debug!(%error, "failed to set the options of a connection");
        }
        match slot {
            Slot::Served(slot) => self.serve(stream, slot).await,
            Slot::Beyond(held) => match self.wait_for_slot().await {
                Some(slot) => {
                    drop(held);
                    self.serve(stream, slot).await;
                }
                None => self.refuse(stream).await,
            },
        }
    }

    async fn wait_for_slot(&self) -> Option<OwnedSemaphorePermit> {
        self.wanted.notify_one();
        let slot = tokio::time::timeout(PATIENCE, Arc::clone(&self.slots).acquire_owned()).await;
        // If no connection was idle, the notification is still pending and would close the next one that
        // becomes idle.
        self.wanted.notified().now_or_never();
        slot.ok()?.ok()
    }

    async fn serve(&self, stream: TcpStream, _slot: OwnedSemaphorePermit) {
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

    /// Answers one request with a refusal and closes the connection.
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
            debug!(%error, "a refused connection ended early");
        }
    }
}

/// Converts the body to the router's type.
fn request(request: hyper::Request<hyper::body::Incoming>) -> axum::extract::Request {
    request.map(axum::body::Body::new)
}

#[cfg(test)]
mod tests;
