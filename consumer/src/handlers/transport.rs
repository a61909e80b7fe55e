//! Shared code of the handlers that use HTTP: limits of requests and responses.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use reqwest::{RequestBuilder, Response, Url};

use super::connections::Connections;

/// Maximum size of a response in bytes: the longest value as JSON, with each character escaped.
const MAX_BYTES: usize = 128 * 1024;
/// Bytes of a response that are kept to explain a failure.
const BEGINNING: usize = 1024;
/// Values are short, so compression has no benefit, and without it no limit of the decompressed size is
/// needed.
const IDENTITY: &str = "identity";

/// A failure to receive a usable response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no response, or only a part of it.
    #[error("{host} did not answer{route}")]
    Request { host: String, route: String, source: reqwest::Error },
    /// The response is longer than any value.
    #[error("the server returned more than {MAX_BYTES} bytes")]
    TooLong,
    /// The response has a content coding, despite `accept-encoding: identity`.
    #[error(
        "the server must respond without a content coding, as `accept-encoding: identity` requests, not with {0:?}"
    )]
    Encoded(String),
}

impl Error {
    /// Replaces the URL, which may contain a secret, by its host.
    fn request(connections: &Connections, error: reqwest::Error) -> Self {
        let host = error.url().and_then(Url::host_str).unwrap_or("the server").to_owned();
        Self::Request { host, route: connections.route().to_string(), source: error.without_url() }
    }
}

/// Sends a request.
pub(super) async fn send(connections: &Connections, request: RequestBuilder) -> Result<Response, Error> {
    let wrong = |error| Error::request(connections, error);
    let request = request.header(ACCEPT_ENCODING, IDENTITY).build().map_err(wrong)?;
    connections.send(request).await.map_err(wrong)
}

/// Returns the whole body.
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

/// Returns the beginning of the body, to explain a failure. Errors of the rest do not matter.
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

/// Returns the content coding of a body, if any.
fn coding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let codings = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_ascii_lowercase());
    codings.into_iter().find(|coding| !coding.is_empty() && coding != IDENTITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_coding_means_an_encoded_body() {
        let named = |text: &str| coding(&HeaderMap::from_iter([(CONTENT_ENCODING, text.parse().unwrap())]));
        assert_eq!(coding(&HeaderMap::new()), None);
        assert_eq!(named(" Identity "), None);
        assert_eq!(named(""), None);
        assert_eq!(named("GZIP"), Some("gzip".to_owned()));
        assert_eq!(named("identity, br"), Some("identity, br".to_owned()));
    }
}
