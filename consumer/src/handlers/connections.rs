//! The connections to a server: kept for a while, renewed in time, and replaced when the server ends one.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_outbound::Way;
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Request, Response, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tracing::warn;

use super::round_robin::RoundRobin;
use super::transport::Limits;
use crate::backoff::jittered;

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Servers and the balancers before them close idle connections after a minute, most of them.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long connections are used, at least half of it. Servers that are added behind a name or an address receive new
/// connections only.
const LIFETIME: Duration = Duration::from_secs(30);

/// The connections to a server. reqwest knows no lifetime of a connection, so that the client that keeps them is replaced: what
/// is under way ends on the old one's.
#[derive(Debug)]
pub(super) struct Connections {
    settings: Settings,
    kept: Mutex<Kept>,
    /// Keeps none: each request has a new connection.
    fresh: Client,
}

#[derive(Debug)]
struct Kept {
    client: Client,
    until: Instant,
}

/// What each client is made of.
#[derive(Debug)]
struct Settings {
    limits: Limits,
    headers: HeaderMap,
    way: Way,
    /// Made once: it reads the system's certificates.
    tls: ClientConfig,
    names: Arc<RoundRobin>,
    lifetime: Duration,
}

impl Connections {
    pub(super) fn new(limits: Limits, headers: HeaderMap, way: Way) -> anyhow::Result<Self> {
        Self::used_for(LIFETIME, limits, headers, way)
    }

    fn used_for(lifetime: Duration, limits: Limits, headers: HeaderMap, way: Way) -> anyhow::Result<Self> {
        let mut tls = ClientConfig::with_platform_verifier().context("failed to set up TLS")?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let settings = Settings { limits, headers, way, tls, names: Arc::default(), lifetime };
        let kept = Mutex::new(settings.kept()?);
        let fresh = settings.builder().pool_max_idle_per_host(0).build().context(FAILED)?;
        Ok(Self { settings, kept, fresh })
    }

    /// Sends a request. A connection that the server ends before it answers costs no attempt: servers end kept connections at
    /// any time, so that the request is sent once more, on a new one. Whether the server has read it before does not matter, as
    /// it may be asked more than once anyway.
    pub(super) async fn send(&self, request: Request) -> Result<Response, reqwest::Error> {
        let again = request.try_clone();
        match (self.client().execute(request).await, again) {
            (Err(error), Some(again)) if was_cut(&error) => self.fresh.execute(again).await,
            (result, _) => result,
        }
    }

    /// The client of the moment.
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

    /// A client to build requests with.
    pub(super) fn builder(&self) -> &Client {
        &self.fresh
    }

    /// How the server is reached.
    pub(super) fn way(&self) -> &Way {
        &self.settings.way
    }
}

const FAILED: &str = "failed to set up the HTTP client";

impl Settings {
    fn kept(&self) -> anyhow::Result<Kept> {
        let client =
            self.builder().pool_max_idle_per_host(self.limits.connections).build().context(FAILED)?;
        // By chance, so that consumers that were started together do not connect together.
        Ok(Kept { client, until: Instant::now() + jittered(self.lifetime, rand::random()) })
    }

    /// A client that follows no redirect: what it is sent to may be within the cluster.
    fn builder(&self) -> ClientBuilder {
        let builder = Client::builder()
            .connect_timeout(CONNECT_LIMIT.min(self.limits.limit))
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(redirect::Policy::none())
            .default_headers(self.headers.clone())
            .user_agent(concat!("eventpipeline-consumer/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.names));
        match self.way {
            Way::Direct => builder.no_proxy(),
            Way::Proxy(_) => builder,
        }
    }
}

/// Whether the server ended the connection before it answered.
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

    /// A server that tells of each connection, and answers so many requests on each.
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
                        // Requests are short: each comes in one piece.
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
        Connections::used_for(lifetime, limits, HeaderMap::new(), Way::Direct).unwrap()
    }

    /// Sends a request after the other, and gives how many connections were opened for them.
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
    async fn a_connection_is_renewed_when_its_time_is_over() {
        assert!(opened(Duration::from_hours(1), 100, 20).await.unwrap() < 20);
        assert_eq!(opened(Duration::ZERO, 100, 20).await.unwrap(), 20);
    }

    #[tokio::test]
    async fn a_connection_that_ends_before_the_answer_is_replaced_once() {
        assert!(opened(Duration::from_hours(1), 1, 20).await.unwrap() >= 20);
        let error = opened(Duration::from_hours(1), 0, 1).await.unwrap_err();
        assert!(was_cut(&error), "{error:?}");
    }
}
