//! Problems with a request.

use axum::http::StatusCode;

use super::Problem;

pub(super) const UNSUPPORTED_ENCODING: &str = "unsupported-encoding";

impl Problem {
    pub(in crate::http) fn no_such_path() -> Self {
        let detail = "the paths are GET /, GET /{id}, POST /create-async, POST /create-sync, and those below /v1 that \
                      GET /openapi.json describes";
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "Path not found", detail)
    }

    /// The problem of an operation that this port does not serve.
    pub(in crate::http) fn not_public() -> Self {
        let detail = "the public port does not list, show, change or remove events; send this request to the \
                      producers' Service inside the cluster (http://NAME-producers.NAMESPACE.svc), or add such operations to \
                      the route (`route.operations: true` in the EventPipeline)";
        Self::new(StatusCode::FORBIDDEN, "operation-not-public", "Operation not public", detail)
    }

    pub(in crate::http) fn method_not_allowed() -> Self {
        let detail = "the Allow header lists the methods of this path; to create an event, send POST /create-async or \
                      POST /create-sync";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// `name` is the name of such a body.
    pub(in crate::http) fn too_large(name: &str, limit: usize) -> Self {
        let detail = format!("{name} must have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "Payload too large", detail)
    }

    pub(in crate::http) fn incomplete() -> Self {
        let detail = "the request ended before its body was complete";
        Self::new(StatusCode::BAD_REQUEST, "incomplete", "Incomplete request", detail)
    }

    pub(in crate::http) fn slow(seconds: u64) -> Self {
        let detail = format!("the body did not arrive within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow-request", "Request too slow", detail)
    }

    pub(in crate::http) fn head_too_large() -> Self {
        let detail = "the request line and the headers must have at most 16384 bytes, and there must be at most 100 \
                      headers; send fewer or shorter headers (cookies, tokens) or a shorter path";
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "head-too-large", "Request head too large", detail)
    }

    pub(in crate::http) fn uri_too_long() -> Self {
        let detail = "the path, the query and the headers must have at most 16384 bytes together";
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "URI too long", detail)
    }

    pub(in crate::http) fn not_http() -> Self {
        let detail = "the request is not valid HTTP/1.1: its first line must be METHOD PATH HTTP/1.1, and each header \
                      must be a line NAME: VALUE";
        Self::new(StatusCode::BAD_REQUEST, "not-http", "Invalid HTTP request", detail)
    }

    /// `coding` is the value of `Content-Encoding`.
    pub(in crate::http) fn encoded(coding: &str) -> Self {
        let detail =
            format!("the body has Content-Encoding {coding:?}; send it without an encoding (identity)");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, UNSUPPORTED_ENCODING, "Unsupported content encoding", detail)
    }

    /// `expected` states the content types of the path.
    pub(in crate::http) fn wrong_type(expected: &str, content_type: &str) -> Self {
        let detail = format!("{expected}; this one is {content_type:?}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json-type", "Unsupported media type", detail)
    }

    pub(in crate::http) fn not_json(why: &str) -> Self {
        let detail = format!("a payload must be a JSON document; this one is not: {why}");
        Self::new(StatusCode::BAD_REQUEST, "not-json", "Payload is not JSON", detail)
    }

    /// `which` names the event, and `why` states its problem.
    pub(in crate::http) fn invalid_event(which: &str, why: &str) -> Self {
        let detail = format!(
            "{which}: {why}; an event is {{\"type\": \"order.created\", \"key\": \"customer-7\", \"payload\": any JSON, \"priority\": 0 to 9, \"notBefore\": RFC 3339 or \
             \"delaySeconds\": seconds}} with optional fields, and a request has 1 to 1000 events"
        );
        Self::new(StatusCode::BAD_REQUEST, "invalid-event", "Invalid event", detail)
    }

    pub(in crate::http) fn invalid_parameter(name: &str, why: &str) -> Self {
        let detail = format!("query parameter {name:?}: {why}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid query parameter", detail)
    }

    pub(in crate::http) fn invalid_key(why: &str) -> Self {
        let detail = format!("Idempotency-Key: {why}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-idempotency-key", "Invalid idempotency key", detail)
    }

    pub(in crate::http) fn no_keys() -> Self {
        let detail = "an event has a key, and this pipeline has no rules for keys; set `spec.keys` of the EventPipeline, or \
                      send events without a key";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "keys-not-enabled", "Keys not enabled", detail)
    }

    pub(in crate::http) fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used with another request; a new request needs a new key";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "idempotency-key-reused", "Idempotency key reused", detail)
    }
}
