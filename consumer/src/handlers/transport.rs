//! What the handlers that ask over HTTP have in common: limits, and answers that are read only so far.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use reqwest::{RequestBuilder, Response};

use super::connections::Connections;

/// The longest answer that is read, in bytes: the longest value, as JSON with each character escaped.
const MAX_BYTES: usize = 128 * 1024;
/// How much of an answer is kept to explain a failure, in bytes.
const BEGINNING: usize = 1024;
/// Values are short: nothing is gained by compressing them, and nothing has to be bounded that grows when it is read.
const IDENTITY: &str = "identity";

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
    #[error("the server gave no answer{way}")]
    Request { way: String, source: reqwest::Error },
    /// More than any value.
    #[error("the server answered more than {MAX_BYTES} bytes")]
    TooLong,
    /// Compressed or the like, though it was asked not to.
    #[error(
        "the server must answer without a content coding, as `accept-encoding: identity` asks for, not with {0:?}"
    )]
    Encoded(String),
}

impl Error {
    /// The address may hold a key: errors go to the log and the table without it.
    fn request(connections: &Connections, error: reqwest::Error) -> Self {
        Self::Request { way: connections.way().to_string(), source: error.without_url() }
    }
}

/// Asks.
pub(super) async fn send(connections: &Connections, request: RequestBuilder) -> Result<Response, Error> {
    let wrong = |error| Error::request(connections, error);
    let request = request.header(ACCEPT_ENCODING, IDENTITY).build().map_err(wrong)?;
    connections.send(request).await.map_err(wrong)
}

/// The whole body.
pub(super) async fn body(connections: &Connections, mut response: Response) -> Result<Vec<u8>, Error> {
    if let Some(coding) = coding(response.headers()) {
        return Err(Error::Encoded(coding));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::request(connections, error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// As much of the body as explains a failure; what is wrong with the rest does not matter.
pub(super) async fn beginning(mut response: Response) -> String {
    if let Some(coding) = coding(response.headers()) {
        return format!("(a body in the content coding {coding:?})");
    }
    let mut beginning = Vec::new();
    while beginning.len() < BEGINNING
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let wanted = chunk.len().min(BEGINNING - beginning.len());
        beginning.extend_from_slice(&chunk[..wanted]);
    }
    String::from_utf8_lossy(&beginning).trim().to_owned()
}

/// How a body is encoded, if it is.
fn coding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let codings = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_ascii_lowercase());
    codings.into_iter().find(|coding| !coding.is_empty() && coding != IDENTITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_encoded_where_a_coding_is_named() {
        let named = |text: &str| coding(&HeaderMap::from_iter([(CONTENT_ENCODING, text.parse().unwrap())]));
        assert_eq!(coding(&HeaderMap::new()), None);
        assert_eq!(named(" Identity "), None);
        assert_eq!(named(""), None);
        assert_eq!(named("GZIP"), Some("gzip".to_owned()));
        assert_eq!(named("identity, br"), Some("identity, br".to_owned()));
    }
}
