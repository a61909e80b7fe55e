//! A word from an HTTP API that answers `GET` with `[{"word": "..."}]`.

use eventpipeline_outbound::Route;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use url::Url;

use super::connections::Connections;
use super::connections::Limits;
use super::endpoint::Endpoint;
use super::transport;

/// A client of the API.
#[derive(Debug)]
pub(crate) struct WordApi {
    connections: Connections,
    url: Url,
}

/// The reason why there is no word.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no response, or it cannot be read.
    #[error("the request to the word API failed")]
    Transport(#[from] transport::Error),
    /// The API returned an error status.
    #[error("the word API returned {status}{route}, not 200 OK")]
    Status { status: StatusCode, route: String },
    /// The response is not a list of words.
    #[error("the word API must return [{{\"word\": \"...\"}}]")]
    Nonsense(#[source] serde_json::Error),
    /// The list is empty.
    #[error("the word API returned an empty list")]
    Empty,
}

#[derive(Debug, Deserialize)]
struct Word {
    word: String,
}

impl WordApi {
    pub(super) fn new(url: Endpoint, limits: Limits) -> anyhow::Result<Self> {
        let url = url.into_url();
        Ok(Self { connections: Connections::new(limits, HeaderMap::new(), Route::to(&url))?, url })
    }

    /// Requests a word.
    pub(super) async fn word(&self) -> Result<String, Error> {
        let request = self.connections.builder().get(self.url.clone());
        let response = transport::send(&self.connections, request).await?;
        if response.status() != StatusCode::OK {
            let route = self.connections.route().to_string();
            return Err(Error::Status { status: response.status(), route });
        }
        let body = transport::body(&self.connections, response).await?;
        let words: Vec<Word> = serde_json::from_slice(&body).map_err(Error::Nonsense)?;
        words.into_iter().next().map(|word| word.word).ok_or(Error::Empty)
    }
}
