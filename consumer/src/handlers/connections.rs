//! The connections to a server: kept for a while, renewed in time, and replaced if the server closes one.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_outbound::Route;
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Request, Response, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tracing::warn;

use super::round_robin::RoundRobin;
use crate::backoff::jittered;

/// The limits of a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Timeout of a whole answer. The caller enforces it.
    pub(super) limit: Duration,
    /// Number of connections that are kept.
    pub(super) connections: usize,
}

/// Timeout of connecting.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Time after which an idle connection is closed. Most servers and load balancers do so after a minute.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Maximum lifetime of connections; with jitter, at least half of it. Servers that are added behind a name or
/// an address receive only new connections.
const LIFETIME: Duration = Duration::from_secs(30);

/// The connections to a server. reqwest cannot limit their lifetime, so the client that keeps them is
/// replaced. Requests in progress finish on the connections of the old client.
#[derive(Debug)]
pub(super) struct Connections {
    settings: Settings,
    kept: Mutex<Kept>,
    /// A client that opens a new connection for each request.
    fresh: Client,
}

#[derive(Debug)]
struct Kept {
    client: Client,
    until: Instant,
}

/// The settings of all clients.
#[derive(Debug)]
struct Settings {
    limits: Limits,
    headers: HeaderMap,
    route: Route,
    /// TLS configuration, created only once because it reads the system's certificates.
    tls: ClientConfig,
    names: Arc<RoundRobin>,
    lifetime: Duration,
}

impl Connections {
    pub(super) fn new(limits: Limits, headers: HeaderMap, route: Route) -> anyhow::Result<Self> {
        Self::used_for(LIFETIME, limits, headers, route)
    }

    fn used_for(
        lifetime: Duration,
        limits: Limits,
        headers: HeaderMap,
        route: Route,
    ) -> anyhow::Result<Self> {
        let mut tls = ClientConfig::with_platform_verifier().context("failed to set up TLS")?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let settings = Settings { limits, headers, route, tls, names: Arc::default(), lifetime };
        let kept = Mutex::new(settings.kept()?);
        let fresh = settings.builder().pool_max_idle_per_host(0).build().context(FAILED)?;
        Ok(Self { settings, kept, fresh })
    }

    /// Sends a request. If the server closes the connection before it answers, the request is sent once more
    /// on a new one, because servers close kept connections at any time. It does not matter whether the
    /// server has read the first request, because every event may be handled more than once.
    pub(super) async fn send(&self, request: Request) -> Result<Response, reqwest::Error> {
        let again = request.try_clone();
        match (self.client().execute(request).await, again) {
            (Err(error), Some(again)) if was_cut(&error) => self.fresh.execute(again).await,
            (result, _) => result,
        }
    }

    /// Returns the current client, after replacing it if its time is over.
    fn client(&self) -> Client {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() >= kept.until {
            match self.settings.kept() {
                Ok(renewed) => *kept = renewed,
                Err(error) => warn!(error = format!("{error:#}"), "failed to renew the connections"),
            }
        }
        kept.client.clone()
    }

    /// Returns a client to build requests with.
    pub(super) fn builder(&self) -> &Client {
        &self.fresh
    }

    /// Returns the route to the server.
    pub(super) fn route(&self) -> &Route {
        &self.settings.route
    }
}

const FAILED: &str = "failed to set up the HTTP client";

impl Settings {
    fn kept(&self) -> anyhow::Result<Kept> {
        let client =
            self.builder().pool_max_idle_per_host(self.limits.connections).build().context(FAILED)?;
        // With jitter, so that consumers that were started together do not reconnect together.
        Ok(Kept { client, until: Instant::now() + jittered(self.lifetime, rand::random()) })
    }

    /// Returns the builder of a client. It follows no redirects, which could lead into the cluster.
    fn builder(&self) -> ClientBuilder {
        let builder = Client::builder()
            .connect_timeout(CONNECT_LIMIT.min(self.limits.limit))
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(redirect::Policy::none())
            .default_headers(self.headers.clone())
            .user_agent(concat!("eventpipeline-consumer/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.names));
        match self.route {
            Route::Direct => builder.no_proxy(),
            Route::Proxy(_) => builder,
        }
    }
}

/// Returns whether the server closed the connection before it answered.
fn was_cut(error: &reqwest::Error) -> bool {
    let is_cut = |cause: &(dyn Error + 'static)| {
        let incomplete =
            cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let closed = cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        });
        incomplete || closed
    };
    !error.is_connect() && std::iter::successors(error.source(), |&cause| cause.source()).any(is_cut)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// Starts a server that reports each connection and answers this many requests on each.
    async fn server(requests: usize) -> (String, mpsc::UnboundedReceiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (accepted, connections) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                accepted.send(()).unwrap();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    for _ in 0..requests {
                        // Requests are short: each arrives in one piece.
                        let Ok(1..) = stream.read(&mut request).await else { return };
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                    }
                    let _ = stream.read(&mut request).await;
                });
            }
        });
        (url, connections)
    }

    fn connections(lifetime: Duration) -> Connections {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let limits = Limits { limit: Duration::from_secs(30), connections: 4 };
        Connections::used_for(lifetime, limits, HeaderMap::new(), Route::Direct).unwrap()
    }

    /// Sends requests one after the other, and returns the number of connections that were opened.
    async fn opened(lifetime: Duration, served: usize, requests: usize) -> Result<usize, reqwest::Error> {
        let (url, mut accepted) = server(served).await;
        let connections = connections(lifetime);
        for _ in 0..requests {
            let request = connections.builder().post(&url).build()?;
            connections.send(request).await?.bytes().await?;
        }
        let mut opened = 0;
        while accepted.try_recv().is_ok() {
            opened += 1;
        }
        Ok(opened)
    }

    #[tokio::test]
    async fn connections_are_renewed_after_their_lifetime() {
        assert!(opened(Duration::from_hours(1), 100, 20).await.unwrap() < 20);
        assert_eq!(opened(Duration::ZERO, 100, 20).await.unwrap(), 20);
    }

    #[tokio::test]
    async fn a_request_on_a_closed_connection_is_repeated_once() {
        assert!(opened(Duration::from_hours(1), 1, 20).await.unwrap() >= 20);
        let error = opened(Duration::from_hours(1), 0, 1).await.unwrap_err();
        assert!(was_cut(&error), "{error:?}");
    }
}
