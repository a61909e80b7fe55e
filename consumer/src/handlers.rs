//! What happens to an event: the handlers, and their settings.

mod connections;
mod endpoint;
mod final_statuses;
mod headers;
mod http;
mod round_robin;
mod transport;
mod word_api;
mod words;

use std::time::Duration;

use clap::builder::{StringValueParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use eventpipeline_database::{Claimed, InvalidValue, Value};

use crate::retry::Verdict;
use endpoint::Endpoint;
use final_statuses::FinalStatuses;
use headers::Headers;
use http::Http;
use transport::Limits;
use word_api::WordApi;

/// Which handler, and its settings.
#[derive(Debug, Clone, Args)]
pub(crate) struct HandlerArgs {
    /// What gives an event its answer
    #[arg(long, env = "HANDLER", value_enum, default_value_t = Kind::Words)]
    handler: Kind,
    /// Address that answers `[{"word": "..."}]`, for the handler `word-api`
    #[arg(long, env = "WORD_API_URL", hide_env_values = true, required_if_eq("handler", "word-api"), value_parser = StringValueParser::new().map(|text| checked(&text)))]
    word_api_url: Option<Checked>,
    /// Address that events are posted to, for the handler `http`
    #[arg(long, env = "HANDLER_URL", hide_env_values = true, required_if_eq("handler", "http"), value_parser = StringValueParser::new().map(|text| checked(&text)))]
    handler_url: Option<Checked>,
    /// File with lines `Name: value`, sent with each request of the handler `http`; may hold secrets
    #[arg(long, env = "HANDLER_HEADERS_FILE", value_parser = Headers::read)]
    handler_headers_file: Option<Headers>,
    /// Statuses by which the handler `http` ends an event for good, with commas; after any other of 3xx, 4xx and 5xx the event is
    /// tried again
    #[arg(long, env = "HANDLER_FINAL_STATUSES", default_value = FinalStatuses::DEFAULT)]
    handler_final_statuses: FinalStatuses,
}

/// An address, or what is wrong with it: that is for [`HandlerArgs::check`] to say, which does not show the address.
type Checked = Result<Endpoint, String>;

fn checked(text: &str) -> Checked {
    text.parse()
}

impl HandlerArgs {
    /// What is wrong, in a line without secrets.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (variable, address) in [("WORD_API_URL", &self.word_api_url), ("HANDLER_URL", &self.handler_url)]
        {
            if let Some(Err(wrong)) = address {
                return Err(format!("{variable} {wrong}"));
            }
        }
        Ok(())
    }
}

/// The handlers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A Portuguese word from the built-in list
    Words,
    /// A word from an HTTP API
    WordApi,
    /// Whatever an HTTP server answers that the event is posted to
    Http,
}

/// Gives events their answers.
#[derive(Debug)]
pub(crate) enum Handler {
    Words,
    WordApi(WordApi),
    Http(Http),
}

/// Why an attempt gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// The API could not be asked, or answered something else than a word.
    #[error(transparent)]
    WordApi(word_api::Error),
    /// The event could not be posted, or was answered with something else than a value.
    #[error(transparent)]
    Http(http::Error),
    /// The answer cannot be stored.
    #[error("the handler's answer cannot be stored")]
    Value(#[source] InvalidValue),
}

impl Handler {
    /// `limit`: how long it may take for an answer; `connections`: how many of them are kept.
    pub(crate) fn new(args: HandlerArgs, limit: Duration, connections: usize) -> anyhow::Result<Self> {
        let limits = Limits { limit, connections };
        let headers = args.handler_headers_file.unwrap_or_default();
        let last = args.handler_final_statuses;
        match (args.handler, args.word_api_url, args.handler_url) {
            (Kind::Words, ..) => Ok(Self::Words),
            (Kind::WordApi, Some(Ok(url)), _) => Ok(Self::WordApi(WordApi::new(url, limits)?)),
            (Kind::Http, _, Some(Ok(url))) => Ok(Self::Http(Http::new(url, headers, last, limits)?)),
            (Kind::WordApi, ..) => anyhow::bail!("WORD_API_URL must be an address with the handler word-api"),
            (Kind::Http, ..) => anyhow::bail!("HANDLER_URL must be an address with the handler http"),
        }
    }

    /// The answer to an event. May be asked again for the same event, and at the same time by another consumer.
    pub(crate) async fn handle(&self, event: &Claimed) -> Result<Value, HandlerError> {
        let value = match self {
            Self::Words => words::word_for(event.id).to_owned(),
            Self::WordApi(api) => api.word().await.map_err(HandlerError::WordApi)?,
            Self::Http(http) => http.handle(event).await.map_err(HandlerError::Http)?,
        };
        Value::new(value).map_err(HandlerError::Value)
    }
}

impl HandlerError {
    /// What it says about further attempts.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Http(error) => error.verdict(),
            Self::WordApi(_) | Self::Value(_) => Verdict::Retry,
        }
    }

    /// What is stored with the event beyond the error and what led to it, and not logged.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Http(error) => error.detail(),
            Self::WordApi(_) | Self::Value(_) => None,
        }
    }
}
