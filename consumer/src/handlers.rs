//! What happens to an event.

mod word_api;
mod words;

use clap::{Args, ValueEnum};
use eventpipeline_database::{Claimed, InvalidValue, Value};
use url::Url;

use word_api::WordApi;

/// Which handler, and its settings.
#[derive(Debug, Clone, Args)]
pub(crate) struct HandlerArgs {
    /// What gives an event its answer
    #[arg(long, env = "HANDLER", value_enum, default_value_t = Kind::Words)]
    handler: Kind,
    /// Address that answers `[{"word": "..."}]`, for the handler `word-api`
    #[arg(long, env = "WORD_API_URL", value_parser = http_url, required_if_eq("handler", "word-api"))]
    word_api_url: Option<Url>,
}

/// The handlers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A Portuguese word from the built-in list
    Words,
    /// A word from an HTTP API
    WordApi,
}

fn http_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("must be a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("must begin with http:// or https://, not {other}:")),
    }
}

/// Gives events their answers.
#[derive(Debug)]
pub(crate) enum Handler {
    Words,
    WordApi(WordApi),
}

/// Why an attempt gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// The API could not be asked, or answered something else than a word.
    #[error("failed to get a word")]
    WordApi(#[from] word_api::Error),
    /// The answer cannot be stored.
    #[error("the handler's answer cannot be stored")]
    Value(#[from] InvalidValue),
}

impl Handler {
    pub(crate) fn new(args: &HandlerArgs) -> anyhow::Result<Self> {
        match (args.handler, &args.word_api_url) {
            (Kind::Words, _) => Ok(Self::Words),
            (Kind::WordApi, Some(url)) => Ok(Self::WordApi(WordApi::new(url.clone())?)),
            (Kind::WordApi, None) => anyhow::bail!("WORD_API_URL must be set with the handler word-api"),
        }
    }

    /// The answer to an event. May be asked again for the same event, and at the same time by another consumer.
    pub(crate) async fn handle(&self, event: &Claimed) -> Result<Value, HandlerError> {
        let word = match self {
            Self::Words => words::word_for(event.id).to_owned(),
            Self::WordApi(api) => api.word().await?,
        };
        Ok(Value::new(word)?)
    }
}
