//! Errors as problem documents (RFC 9457), which also carry `message` as the first version of this API did.

use std::sync::atomic::{AtomicU16, Ordering};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventpipeline_database::{EventId, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::location;
use crate::error::Unavailable;
use crate::storage::{Full, Room};

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
    /// The event that it is about, when there is one.
    event: Option<EventId>,
    /// The room that there is for events, where it is about that.
    room: Option<Box<Room>>,
    /// The line of the body that it is about, from 1, when there is one.
    line: Option<usize>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    /// What went wrong, stable for programs: `urn:eventpipeline:problem:` and a word.
    r#type: String,
    /// The same for people.
    title: &'a str,
    /// The answer's HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request and what would be right.
    detail: &'a str,
    /// The detail, or the text that the first version of this API used.
    message: &'a str,
    /// The event that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<i64>,
    /// Where there is no room for events (507): the bytes that are free for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    free_bytes: Option<u64>,
    /// Where there is no room for events (507): the bytes that must be free before events are created again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    required_bytes: Option<u64>,
    /// The line of the request's body that it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    line: Option<usize>,
}

/// How much of a detail is shown, in bytes: it may quote the request, which may be large.
const LONGEST_DETAIL: usize = 2000;

/// Room does not come by itself within seconds.
const ROOM_RETRY_SECONDS: u16 = 30;

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > LONGEST_DETAIL {
            detail.truncate(detail.floor_char_boundary(LONGEST_DETAIL));
            detail.push('…');
        }
        Self { status, kind, title, message: None, detail, event: None, line: None, room: None }
    }

    fn about(self, event: EventId) -> Self {
        Self { event: Some(event), ..self }
    }

    pub(super) fn in_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// Of what is not an event. Any text is an id to ask for; most are no event's.
    pub(super) fn event_not_found(id: &str) -> Self {
        let detail =
            format!("there is no event {id:?}; an event's id is the whole number that its creation answered");
        let problem = Self::new(StatusCode::NOT_FOUND, "event-not-found", "Event not found", detail);
        Self { message: Some("Event not found"), ..problem }
    }

    pub(super) fn no_such_path() -> Self {
        let detail = "the paths are GET /, GET /{id}, POST /create-async, POST /create-sync, and those \
                      below /v1 that GET /openapi.json describes";
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "No such path", detail)
    }

    /// Of an operation that this port leaves to another.
    pub(super) fn not_public() -> Self {
        let detail = "this operation shows events in full, changes them or removes them, which the public port does not: ask \
                      inside the cluster, at the Service of the producers (http://NAME-producers.NAMESPACE.svc), or have it \
                      on the route as well (`route.operations: true` in the EventPipeline)";
        Self::new(StatusCode::FORBIDDEN, "operation-not-public", "Operation not public", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "the methods that this path knows are in the Allow header";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// `what`: a payload, or a request with several events.
    pub(super) fn too_large(what: &str, limit: usize) -> Self {
        let detail = format!("{what} has at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "Payload too large", detail)
    }

    pub(super) fn incomplete() -> Self {
        let detail = "the request ended before its body did";
        Self::new(StatusCode::BAD_REQUEST, "incomplete", "Incomplete request", detail)
    }

    pub(super) fn slow(seconds: u64) -> Self {
        let detail = format!("the body did not arrive within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow-request", "Request too slow", detail)
    }

    pub(super) fn no_connection() -> Self {
        let detail = "this producer serves as many connections as it can; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Service unavailable", detail)
    }

    pub(super) fn head_too_large() -> Self {
        let detail = "a request's line and headers have at most 16384 bytes, and it has at most 100 headers; \
                      send fewer or shorter headers (cookies, tokens) or a shorter path";
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "head-too-large", "Request head too large", detail)
    }

    pub(super) fn uri_too_long() -> Self {
        let detail = "a request's path and query have at most 16384 bytes together with its headers";
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "URI too long", detail)
    }

    pub(super) fn not_http() -> Self {
        let detail = "the request is not valid HTTP/1.1: its first line is METHOD PATH HTTP/1.1, and each header \
                      is a line NAME: VALUE";
        Self::new(StatusCode::BAD_REQUEST, "not-http", "Request is not HTTP", detail)
    }

    /// `coding`: the value of `Content-Encoding`.
    pub(super) fn encoded(coding: &str) -> Self {
        let detail = format!(
            "the body is sent with Content-Encoding {coding:?}; send it without an encoding (identity)"
        );
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "unsupported-encoding", "Unsupported content encoding", detail)
    }

    /// `expected`: what a body of this path may be.
    pub(super) fn wrong_type(expected: &str, content_type: &str) -> Self {
        let detail = format!("{expected}; this one is {content_type:?}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json-type", "Unsupported media type", detail)
    }

    pub(super) fn not_json(why: &str) -> Self {
        let detail = format!("a payload is a JSON document; this one is not: {why}");
        Self::new(StatusCode::BAD_REQUEST, "not-json", "Payload is not JSON", detail)
    }

    /// `which` of the events, and what is wrong with it.
    pub(super) fn invalid_event(which: &str, why: &str) -> Self {
        let detail = format!(
            "{which}: {why}; an event is {{\"payload\": any JSON, \"priority\": 0 to 9, \"notBefore\": RFC 3339 or \"delaySeconds\": seconds}}, \
             each optional, and a request has 1 to 1000 of them"
        );
        Self::new(StatusCode::BAD_REQUEST, "invalid-event", "Invalid event", detail)
    }

    pub(super) fn invalid_parameter(name: &str, why: &str) -> Self {
        let detail = format!("query parameter {name:?}: {why}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid query parameter", detail)
    }

    pub(super) fn invalid_key(why: &str) -> Self {
        let detail = format!("Idempotency-Key: {why}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-idempotency-key", "Invalid idempotency key", detail)
    }

    pub(super) fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used with another request; a new request needs a new key";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "idempotency-key-reused", "Idempotency key reused", detail)
    }

    pub(super) fn event_dead(id: EventId) -> Self {
        let detail = format!(
            "event {id} failed as often as it may and is dead; GET /v1/events/{id} says why, and \
             POST /v1/events/{id}/retry tries it again"
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "event-dead", "Event dead", detail).about(id)
    }

    pub(super) fn event_cancelled(id: EventId) -> Self {
        let detail = format!("event {id} was cancelled; POST /v1/events/{id}/retry takes that back");
        Self::new(StatusCode::CONFLICT, "event-cancelled", "Event cancelled", detail).about(id)
    }

    pub(super) fn event_removed(id: EventId) -> Self {
        let detail = format!("event {id} was removed before this request could see how it ended");
        Self::new(StatusCode::GONE, "event-removed", "Event removed", detail).about(id)
    }

    /// `possible`: the states in which the change can be made.
    pub(super) fn wrong_state(id: EventId, state: State, possible: &str) -> Self {
        let detail = format!("event {id} is {state}; this can be done while it is {possible}");
        Self::new(StatusCode::CONFLICT, "wrong-state", "Wrong state", detail).about(id)
    }

    /// `room`: what there is, as far as it is known.
    fn storage_full(room: Option<Room>) -> Self {
        let bytes = room.map_or_else(String::new, |room| {
            let Room { capacity, required, .. } = room;
            let available = room.available();
            format!(
                "; {available} bytes of {capacity} are free, and events are created again above {required}"
            )
        });
        let detail = format!(
            "the database's volume is nearly full{bytes}. Events that are stored are processed and read as before. Make \
             the volume larger (`database.managed.storage.size`), or remove events: by a shorter `retention`, or by \
             DELETE /v1/events"
        );
        let problem = Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", "Storage full", detail);
        Self { room: room.map(Box::new), ..problem }
    }

    pub(super) fn event_locked(id: EventId) -> Self {
        let detail = format!(
            "another client of the database keeps event {id} locked, so that nothing was changed; try again later"
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "event-locked", "Event locked", detail).about(id)
    }

    pub(super) fn internal() -> Self {
        let detail = "the service failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let kind = match unavailable {
            Unavailable::Full(Full { room }) => return Self::storage_full(room),
            Unavailable::Overloaded => "overloaded",
            Unavailable::Database | Unavailable::CounterHeld => "database-unavailable",
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
            id: self.event.map(EventId::get),
            free_bytes: self.room.as_ref().map(|room| room.available()),
            required_bytes: self.room.as_ref().map(|room| room.required),
            line: self.line,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(event) = self.event {
            headers.insert(header::LOCATION, location(event));
        }
        if self.kind == "unsupported-encoding" {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, retry_after());
            }
            StatusCode::INSUFFICIENT_STORAGE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(ROOM_RETRY_SECONDS));
            }
            _ => {}
        }
        response
    }
}

/// Seconds after which a client may try again: one to four in turn, so that those who were refused together do not come
/// back together.
fn retry_after() -> HeaderValue {
    static REFUSED: AtomicU16 = AtomicU16::new(0);
    HeaderValue::from(1 + REFUSED.fetch_add(1, Ordering::Relaxed) % 4)
}
