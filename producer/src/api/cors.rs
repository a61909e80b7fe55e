//! Cross-origin requests (CORS): any web page may make the four classic requests, and none of the others.
//!
//! Source of the rules: <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The routes of the first version of this API, whose clients may be web pages of any origin.
const CLASSIC: [&str; 4] = ["/", "/{id}", "/create-async", "/create-sync"];

/// Headers of every answer to a classic request.
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
/// The requests that pages may make. `authorization` is named, because a wildcard does not cover it.
const ALLOWED: [(HeaderName, HeaderValue); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,POST")),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "authorization,baggage,content-type,idempotency-key,prefer,traceparent,tracestate,x-request-id",
        ),
    ),
    (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200")),
];

/// Whether a web page of any origin may use the route.
pub(super) fn is_open(route: Option<&str>) -> bool {
    route.is_some_and(|route| CLASSIC.contains(&route))
}

/// The answer to a browser that asks whether a page may make a classic request.
pub(super) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(ALWAYS);
    response.headers_mut().extend(ALLOWED);
    response
}

/// Lets a page read an answer.
pub(super) fn allow(headers: &mut HeaderMap) {
    headers.extend(ALWAYS);
    headers.extend([READABLE]);
}
