//! A word from an HTTP API that answers `GET` with `[{"word": "..."}]`.

use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use url::Url;

use super::endpoint::Endpoint;
use super::transport::{self, Limits};

/// A client of the API.
#[derive(Debug)]
pub(crate) struct WordApi {
    client: Client,
    url: Url,
}

/// Why there is no word.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No answer that can be read.
    #[error("failed to ask the word API")]
    Transport(#[from] transport::Error),
    /// The API says that something is wrong.
    #[error("the word API answered {0}, not 200 OK")]
    Status(StatusCode),
    /// Something else.
    #[error("the word API must answer [{{\"word\": \"...\"}}]")]
    Nonsense(#[source] serde_json::Error),
    /// No word in the list.
    #[error("the word API answered an empty list")]
    Empty,
}

#[derive(Debug, Deserialize)]
struct Word {
    word: String,
}

impl WordApi {
    pub(super) fn new(url: Endpoint, limits: &Limits) -> anyhow::Result<Self> {
        Ok(Self { client: transport::client(limits, HeaderMap::new())?, url: url.into_url() })
    }

    /// Asks for a word.
    pub(super) async fn word(&self) -> Result<String, Error> {
        let response = transport::send(self.client.get(self.url.clone())).await?;
        if response.status() != StatusCode::OK {
            return Err(Error::Status(response.status()));
        }
        let body = transport::body(response).await?;
        let words: Vec<Word> = serde_json::from_slice(&body).map_err(Error::Nonsense)?;
        words.into_iter().next().map(|word| word.word).ok_or(Error::Empty)
    }
}
