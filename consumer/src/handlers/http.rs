//! The handler that posts events to an HTTP server. Its contract is docs/develop/handlers.md.

use std::time::{Duration, SystemTime};

use eventpipeline_database::{Claimed, json_of};
use eventpipeline_outbound::{Route, retry_after};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::connections::Connections;
use super::connections::Limits;
use super::endpoint::Endpoint;
use super::final_statuses::FinalStatuses;
use super::headers::{Headers, TRACEPARENT};
use super::transport;
use crate::retry::Verdict;

/// A client of the server.
#[derive(Debug)]
pub(crate) struct Http {
    connections: Connections,
    url: Url,
    last: FinalStatuses,
    limit: Duration,
}

/// The reason why there is no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no response, or it cannot be read.
    #[error("the request to the handler failed")]
    Transport(#[from] transport::Error),
    /// The handler fails, perhaps temporarily.
    #[error("the handler returned {status}{route}")]
    Busy { status: StatusCode, route: String, after: Option<Duration>, body: String },
    /// The handler fails with a final status.
    #[error("the handler returned {status}{route}")]
    Refused { status: StatusCode, route: String, body: String },
    /// The response is JSON without a value.
    #[error("the handler must return {{\"valor\": \"...\"}}")]
    Json(#[source] serde_json::Error),
    /// The response is not valid text.
    #[error("the handler must return text in UTF-8")]
    Text(#[source] std::string::FromUtf8Error),
    /// The response is neither JSON nor text.
    #[error("the handler must return application/json or text/plain, not {0:?}")]
    Format(String),
}

#[derive(Debug, Deserialize)]
struct Answer {
    valor: String,
}

impl Http {
    pub(super) fn new(
        url: Endpoint,
        headers: Headers,
        last: FinalStatuses,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let url = url.into_url();
        let connections = Connections::new(limits, headers.into_map(), Route::to(&url))?;
        Ok(Self { connections, url, last, limit: limits.limit })
    }

    /// Posts the event and returns the value in the response.
    pub(super) async fn handle(&self, event: &Claimed) -> Result<String, Error> {
        let mut request = self
            .connections
            .builder()
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/plain")
            .header("x-event-id", event.id.get())
            .header("x-event-attempt", event.attempt)
            .header("x-event-deadline", deadline(Timestamp::now(), self.limit))
            .body(body(event));
        for (name, text) in [("x-event-type", &event.event_type), ("x-event-key", &event.key)] {
            if let Some(value) = text.as_deref().and_then(|text| HeaderValue::try_from(text).ok()) {
                request = request.header(name, value);
            }
        }
        if let Some(trace) = event.trace {
            request = request.header(TRACEPARENT, trace.as_str());
        }
        let response = transport::send(&self.connections, request).await?;
        if response.status().is_success() {
            self.value(response).await
        } else {
            Err(self.refusal(response).await)
        }
    }

    /// Returns the error of a response without success.
    async fn refusal(&self, response: Response) -> Error {
        let (status, route) = (response.status(), self.connections.route().to_string());
        if self.last.has(status) {
            return Error::Refused { status, route, body: transport::beginning(response).await };
        }
        let after = retry_after(response.headers(), SystemTime::now());
        Error::Busy { status, route, after, body: transport::beginning(response).await }
    }

    async fn value(&self, response: Response) -> Result<String, Error> {
        let format = Format::of(response.headers());
        let body = transport::body(&self.connections, response).await?;
        match format? {
            Format::Json => {
                let answer: Answer = serde_json::from_slice(&body).map_err(Error::Json)?;
                Ok(answer.valor)
            }
            Format::Text => {
                let text = String::from_utf8(body).map_err(Error::Text)?;
                // The output of shells and templates ends with a line break.
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

/// Returns the event as JSON, with its payload exactly as it was created. A payload that another program has
/// stored and that is not JSON becomes a string, as in the API, so that it cannot add members.
fn body(event: &Claimed) -> String {
    let Claimed { id, attempt, payload, event_type, key, .. } = event;
    let payload = payload.as_deref().map(json_of);
    let payload = payload.as_deref().map_or("null", RawValue::get);
    let member = |name: &str, text: &Option<String>| {
        let text = text.as_ref().map(|text| serde_json::Value::from(text.as_str()));
        text.map(|text| format!(r#""{name}":{text},"#)).unwrap_or_default()
    };
    let (event_type, key) = (member("type", event_type), member("key", key));
    format!(r#"{{"id":{id},"attempt":{attempt},{event_type}{key}"payload":{payload}}}"#)
}

/// Returns the time after which a response is too late, as RFC 3339 in UTC with milliseconds.
fn deadline(now: Timestamp, limit: Duration) -> String {
    let at = now.checked_add(limit).unwrap_or(Timestamp::MAX);
    format!("{at:.3}")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

impl Format {
    /// Returns the format of the body by its `Content-Type`; without one it is text.
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let Some(header) = headers.get(CONTENT_TYPE) else { return Ok(Self::Text) };
        let text = String::from_utf8_lossy(header.as_bytes());
        let media = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media.as_str() {
            "text/plain" => Ok(Self::Text),
            json if json == "application/json" || json.ends_with("+json") => Ok(Self::Json),
            _ => Err(Error::Format(media)),
        }
    }
}

impl Error {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { .. } => Verdict::GiveUp,
            Self::Busy { after: Some(after), .. } => Verdict::RetryAfter(*after),
            Self::Busy { after: None, .. }
            | Self::Transport(_)
            | Self::Json(_)
            | Self::Text(_)
            | Self::Format(_) => Verdict::Retry,
        }
    }

    pub(super) fn detail(&self) -> Option<&str> {
        match self {
            Self::Busy { body, .. } | Self::Refused { body, .. } if !body.is_empty() => Some(body),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use eventpipeline_database::{EventId, Isolation};
    use proptest::prelude::*;

    use super::*;

    fn event(payload: Option<&str>) -> Claimed {
        Claimed {
            id: EventId::new(7).unwrap(),
            token: 1,
            attempt: 2,
            payload: payload.map(str::to_owned),
            age: Duration::ZERO,
            event_type: None,
            key: None,
            trace: None,
            isolation: Isolation::None,
        }
    }

    #[test]
    fn the_payload_is_posted_unchanged() {
        let payload = r#"{"n": 1e400, "n": "ç"}"#;
        assert_eq!(body(&event(Some(payload))), format!(r#"{{"id":7,"attempt":2,"payload":{payload}}}"#));
        assert_eq!(body(&event(None)), r#"{"id":7,"attempt":2,"payload":null}"#);
    }

    #[test]
    fn the_deadline_is_a_time_in_utc() {
        let now: Timestamp = "2026-11-25T13:40:59.9876Z".parse().unwrap();
        assert_eq!(deadline(now, Duration::from_secs(30)), "2026-11-25T13:41:29.987Z");
        assert_eq!(deadline(now, Duration::MAX), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn a_payload_that_is_not_json_is_posted_as_a_string() {
        for stored in ["1,\"id\":999,\"attempt\":0", "not json", "", "{\"a\":1}}", "\u{0}"] {
            let body: serde_json::Value = serde_json::from_str(&body(&event(Some(stored)))).unwrap();
            assert_eq!(body, serde_json::json!({"id": 7, "attempt": 2, "payload": stored}));
        }
    }

    proptest! {
        #[test]
        fn no_payload_changes_other_members(stored in ".{0,60}") {
            let text = body(&event(Some(&stored)));
            let members: HashMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!((members["id"].get(), members["attempt"].get(), members.len()), ("7", "2", 3));
        }
    }

    #[test]
    fn the_content_type_gives_the_format() {
        let format =
            |text: &str| Format::of(&HeaderMap::from_iter([(CONTENT_TYPE, text.parse().unwrap())])).ok();
        assert_eq!(format("application/json"), Some(Format::Json));
        assert_eq!(format("Application/JSON; charset=utf-8"), Some(Format::Json));
        assert_eq!(format("application/vnd.ours+json"), Some(Format::Json));
        assert_eq!(format("text/plain; charset=utf-8"), Some(Format::Text));
        assert_eq!(format("text/html"), None);
        assert_eq!(Format::of(&HeaderMap::new()).ok(), Some(Format::Text));
    }
}
