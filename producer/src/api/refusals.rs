//! Answers to requests that the HTTP server refuses before they reach a route: problem documents like every other.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use eventpipeline_service::Refusals;

use crate::api::problem::Problem;
use crate::api::{cors, mark};
use crate::metrics::Metrics;

/// The answers of this producer. Each is counted as a request without a route.
pub(crate) fn refusals(metrics: Metrics, served_by: HeaderValue) -> Refusals {
    Refusals::new(move |status| {
        metrics.answered("_OTHER", "", status.as_u16(), Duration::ZERO);
        let mut response = problem(status).into_response();
        let headers = response.headers_mut();
        // The path is not known, and a page must be able to see why its request failed.
        cors::allow(headers);
        mark::mark(headers, &served_by);
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
