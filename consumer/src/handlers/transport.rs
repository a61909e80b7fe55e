//! What the handlers that ask over HTTP have in common: limits, and answers that are read only so far.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, redirect};

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Servers and the balancers before them close idle connections after a minute, most of them.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: the longest value, as JSON with each character escaped.
const MAX_BYTES: usize = 128 * 1024;
/// How much of an answer is kept to explain a failure, in bytes.
const BEGINNING: usize = 1024;

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Time for an answer, all of it. Whoever waits for the answer holds to it.
    pub(super) limit: Duration,
    /// How many connections are kept.
    pub(super) connections: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No answer, or not all of it.
    #[error("the server gave no answer")]
    Request(#[source] reqwest::Error),
    /// More than any value.
    #[error("the server answered more than {MAX_BYTES} bytes")]
    TooLong,
}

impl Error {
    /// The address may hold a key: errors go to the log and the table without it.
    fn request(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }
}

/// A client that keeps its connections and follows no redirect: what it is sent to may be within the cluster.
pub(super) fn client(limits: &Limits, headers: HeaderMap) -> anyhow::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT_LIMIT.min(limits.limit))
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(limits.connections)
        .redirect(redirect::Policy::none())
        .default_headers(headers)
        .user_agent(concat!("eventpipeline-consumer/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("failed to set up the HTTP client")
}

/// Asks.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Error> {
    request.send().await.map_err(Error::request)
}

/// The whole body.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::request)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// As much of the body as explains a failure; what is wrong with the rest does not matter.
pub(super) async fn beginning(mut response: Response) -> String {
    let mut beginning = Vec::new();
    while beginning.len() < BEGINNING
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let wanted = chunk.len().min(BEGINNING - beginning.len());
        beginning.extend_from_slice(&chunk[..wanted]);
    }
    String::from_utf8_lossy(&beginning).trim().to_owned()
}
