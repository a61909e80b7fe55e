//! Errors as problem documents (RFC 9457), which also carry `message` as the first version of this API did.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::api::payload::MAX_BYTES;
use crate::error::Unavailable;

/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// The last part of the problem's type, stable for clients.
    kind: &'static str,
    title: &'static str,
    /// What `message` says, where clients of the first version expect a certain text; else the detail.
    message: Option<&'static str>,
    /// What is wrong and what would be right.
    detail: String,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    message: &'a str,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, message: None, detail: detail.into() }
    }

    /// `GET /{id}` of what is not an event. Any text is an id to ask for; most are no event's.
    pub(super) fn event_not_found(id: &str) -> Self {
        let detail =
            format!("there is no event {id:?}; an event's id is the whole number that its creation answered");
        let problem = Self::new(StatusCode::NOT_FOUND, "event-not-found", "Event not found", detail);
        Self { message: Some("Event not found"), ..problem }
    }

    pub(super) fn no_such_path() -> Self {
        let detail = "the paths are GET /, GET /{id}, POST /create-async and POST /create-sync";
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "No such path", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "the methods that this path knows are in the Allow header";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    pub(super) fn too_large() -> Self {
        let detail = format!("a payload has at most {MAX_BYTES} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "Payload too large", detail)
    }

    pub(super) fn incomplete() -> Self {
        let detail = "the request ended before its body did";
        Self::new(StatusCode::BAD_REQUEST, "incomplete", "Incomplete request", detail)
    }

    pub(super) fn not_json_type(content_type: &str) -> Self {
        let detail = format!("a payload is application/json, or there is none; this one is {content_type:?}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json-type", "Unsupported media type", detail)
    }

    pub(super) fn not_json(why: &str) -> Self {
        let detail = format!("a payload is a JSON document; this one is not: {why}");
        Self::new(StatusCode::BAD_REQUEST, "not-json", "Payload is not JSON", detail)
    }

    pub(super) fn internal() -> Self {
        let detail = "the service failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let kind = match unavailable {
            Unavailable::Overloaded => "overloaded",
            Unavailable::Database => "database-unavailable",
            Unavailable::Late => "no-answer-in-time",
        };
        let detail = format!("{unavailable}; try again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, "Service unavailable", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("urn:eventpipeline:problem:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            message: self.message.unwrap_or(&self.detail),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
