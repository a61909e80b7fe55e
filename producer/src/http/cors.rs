//! Cross-origin resource sharing (CORS). Web pages of any origin may make requests to the four classic routes only.
//!
//! The protocol is specified at <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The routes of the first version of this API.
const CLASSIC: [&str; 4] = ["/", "/{id}", "/create-async", "/create-sync"];

/// Headers of every response of a classic route.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        header::VARY,
        HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers"),
    ),
];
/// The response headers that web pages may read.
const READABLE: (HeaderName, HeaderValue) = (
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderValue::from_static(
        "location,retry-after,idempotent-replayed,preference-applied,x-served-by,x-service-language",
    ),
);
/// The requests that web pages may make. `authorization` is listed, because a wildcard does not include it.
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

/// Returns `true` if web pages of any origin may use the route.
pub(super) fn is_open(route: Option<&str>) -> bool {
    route.is_some_and(|route| CLASSIC.contains(&route))
}

/// Returns the response to a preflight request for a classic route.
pub(super) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(ALWAYS);
    response.headers_mut().extend(ALLOWED);
    response
}

/// Lets web pages read a response.
pub(super) fn allow(headers: &mut HeaderMap) {
    headers.extend(ALWAYS);
    headers.extend([READABLE]);
}
