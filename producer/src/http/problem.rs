//! Errors as problem documents (RFC 9457). They also carry `message`, as in the first version of this API.

mod body;
mod event;
mod request;
mod unavailable;

use std::sync::atomic::{AtomicU16, Ordering};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventpipeline_database::EventId;

use super::headers::location;
use crate::storage::Space;
pub(super) use body::ProblemBody;

/// An error response.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// Last part of the problem's type, which is stable for clients.
    kind: &'static str,
    title: &'static str,
    /// The `message` that clients of the first version expect. `None` if it is the detail.
    message: Option<&'static str>,
    /// Explains the error, and how to fix it.
    detail: String,
    event: Option<EventId>,
    space: Option<Box<Space>>,
    /// Line of the request body, counted from 1.
    line: Option<usize>,
}

/// Maximum length of a detail in bytes. Details may quote the request.
const MAX_DETAIL: usize = 2000;

/// `Retry-After` of a full storage, which does not become free within seconds.
const FULL_RETRY_SECONDS: u16 = 30;

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > MAX_DETAIL {
            detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
            detail.push('…');
        }
        Self { status, kind, title, message: None, detail, event: None, line: None, space: None }
    }

    fn about(self, event: EventId) -> Self {
        Self { event: Some(event), ..self }
    }

    pub(super) fn in_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the document for the description of the API.
    pub(super) fn example(&self) -> serde_json::Value {
        serde_json::to_value(self.body()).unwrap_or_default()
    }

    fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            r#type: format!("urn:eventpipeline:problem:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            message: self.message.unwrap_or(&self.detail),
            id: self.event.map(EventId::get),
            free_bytes: self.space.as_ref().map(|space| space.available()),
            required_bytes: self.space.as_ref().map(|space| space.required),
            line: self.line,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(event) = self.event {
            headers.insert(header::LOCATION, location(event));
        }
        if self.kind == request::UNSUPPORTED_ENCODING {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, retry_after());
            }
            StatusCode::INSUFFICIENT_STORAGE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(FULL_RETRY_SECONDS));
            }
            _ => {}
        }
        response
    }
}

/// Returns one to four seconds in turn, so that clients that are refused together do not retry together.
fn retry_after() -> HeaderValue {
    static REFUSED: AtomicU16 = AtomicU16::new(0);
    HeaderValue::from(1 + REFUSED.fetch_add(1, Ordering::Relaxed) % 4)
}
