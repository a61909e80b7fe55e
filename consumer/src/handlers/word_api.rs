//! A word from an HTTP API that answers `GET` with `[{"word": "..."}]`.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use url::Url;

/// How long the API may take for the whole answer.
const LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// A client of the API. It keeps its connections.
#[derive(Debug)]
pub(crate) struct WordApi {
    client: Client,
    url: Url,
}

/// Why there is no word.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No answer, or not all of it.
    #[error("failed to ask the word API")]
    Request(#[source] reqwest::Error),
    /// The API says that something is wrong.
    #[error("the word API answered {0}, not 200 OK")]
    Status(StatusCode),
    /// More than any word.
    #[error("the word API answered more than {MAX_BYTES} bytes")]
    TooLong,
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
    pub(super) fn new(url: Url) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("eventpipeline-consumer/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("failed to set up the HTTP client")?;
        Ok(Self { client, url })
    }

    /// Asks for a word.
    pub(super) async fn word(&self) -> Result<String, Error> {
        // The URL may hold a key: errors go to the log without it.
        let without_url = |error: reqwest::Error| Error::Request(error.without_url());
        let response = self.client.get(self.url.clone()).send().await.map_err(without_url)?;
        if response.status() != StatusCode::OK {
            return Err(Error::Status(response.status()));
        }
        let body = read(response).await?;
        let words: Vec<Word> = serde_json::from_slice(&body).map_err(Error::Nonsense)?;
        words.into_iter().next().map(|word| word.word).ok_or(Error::Empty)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::Request(error.without_url()))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
