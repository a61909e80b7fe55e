//! Responses to requests that the HTTP server refuses before they reach a route.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use eventpipeline_service::Refusals;

use super::metrics::HttpMetrics;
use super::problem::Problem;
use super::{cors, headers};

/// Returns the responses of this producer, which are problem documents. Each is counted as a request without a route.
pub(crate) fn refusals(metrics: HttpMetrics, served_by: HeaderValue) -> Refusals {
    Refusals::new(move |status| {
        metrics.responded("_OTHER", "", status.as_u16(), Duration::ZERO);
        let mut response = problem(status).into_response();
        let headers = response.headers_mut();
        // The path is unknown, and a web page must be able to see why its request failed.
        cors::allow(headers);
        headers::add_common(headers, &served_by);
        response
    })
}

fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Problem::no_connection(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::head_too_large(),
        StatusCode::URI_TOO_LONG => Problem::uri_too_long(),
        _ => Problem::not_http(),
    }
}
