//! Any web page may create events and read them, as ever (CORS).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

/// What goes with every answer.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        header::VARY,
        HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers"),
    ),
];
/// Headers of answers that pages may read.
const READABLE: (HeaderName, HeaderValue) = (
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderValue::from_static(
        "location,retry-after,idempotent-replayed,preference-applied,x-served-by,x-service-language",
    ),
);
/// What requests of pages may be.
const ALLOWED: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,POST")),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type,idempotency-key,prefer")),
];

/// The answer to a browser that asks what it may do.
pub(super) fn preflight() -> Response {
    let mut response = ().into_response();
    response.headers_mut().extend(ALWAYS);
    response.headers_mut().extend(ALLOWED);
    response
}

/// Lets a page read an answer.
pub(super) fn allow(headers: &mut HeaderMap) {
    headers.extend(ALWAYS);
    headers.extend([READABLE]);
}
