//! The handlers of events, and their settings.

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
use connections::Limits;
use endpoint::Endpoint;
use final_statuses::FinalStatuses;
use headers::Headers;
use http::Http;
use word_api::WordApi;

/// Arguments of the handlers.
#[derive(Debug, Clone, Args)]
pub(crate) struct HandlerArgs {
    /// Handler that gives an event its value
    #[arg(long, env = "HANDLER", value_enum, default_value_t = Kind::Words)]
    handler: Kind,
    /// URL that answers `[{"word": "..."}]`, for the handler `word-api`
    #[arg(long, env = "WORD_API_URL", hide_env_values = true, required_if_eq("handler", "word-api"), value_parser = StringValueParser::new().map(|text| checked(&text)))]
    word_api_url: Option<Checked>,
    /// URL to which events are posted, for the handler `http`
    #[arg(long, env = "HANDLER_URL", hide_env_values = true, required_if_eq("handler", "http"), value_parser = StringValueParser::new().map(|text| checked(&text)))]
    handler_url: Option<Checked>,
    /// File with a header `Name: value` per line, for the requests of the handler `http`; may contain secrets
    #[arg(long, env = "HANDLER_HEADERS_FILE", value_parser = Headers::read)]
    handler_headers_file: Option<Headers>,
    /// Statuses that fail an event of the handler `http` without a retry, separated by commas. After any
    /// other status of 3xx, 4xx and 5xx the event is retried
    #[arg(long, env = "HANDLER_FINAL_STATUSES", default_value = FinalStatuses::DEFAULT)]
    handler_final_statuses: FinalStatuses,
}

/// A URL, or its error: [`HandlerArgs::check`] reports the error without the URL, which may contain secrets.
type Checked = Result<Endpoint, String>;

fn checked(text: &str) -> Checked {
    text.parse()
}

impl HandlerArgs {
    /// Returns the name of the handler, as in `HANDLER`.
    pub(crate) fn name(&self) -> &'static str {
        match self.handler {
            Kind::Words => "words",
            Kind::WordApi => "word-api",
            Kind::Http => "http",
        }
    }

    /// Returns the first error, in a line without secrets.
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

/// The kinds of handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A Portuguese word from the built-in list
    Words,
    /// A word from an HTTP API
    WordApi,
    /// The response of an HTTP server to which the event is posted
    Http,
}

/// A handler, which gives events their values.
#[derive(Debug)]
pub(crate) enum Handler {
    Words,
    WordApi(WordApi),
    Http(Http),
}

/// The reason why a handler failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// The word API returned no word.
    #[error(transparent)]
    WordApi(word_api::Error),
    /// The HTTP server returned no value.
    #[error(transparent)]
    Http(http::Error),
    /// The value cannot be stored.
    #[error("the handler's value cannot be stored")]
    Value(#[source] InvalidValue),
}

impl Handler {
    /// Creates the handler with a timeout and the number of connections that are kept.
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

    /// Returns the value of an event. It may be called again for the same event, and by another consumer at
    /// the same time.
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
    /// Returns the effect on further attempts.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Http(error) => error.verdict(),
            Self::WordApi(_) | Self::Value(_) => Verdict::Retry,
        }
    }

    /// Returns details that are stored with the event but not logged.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Http(error) => error.detail(),
            Self::WordApi(_) | Self::Value(_) => None,
        }
    }
}
