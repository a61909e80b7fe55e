//! The HTTP API.

mod base_path;
mod body;
mod content_type;
mod cors;
mod event_id;
mod examples;
#[cfg(test)]
mod fuzz;
mod handlers;
mod headers;
mod idempotency_key;
mod instrument;
mod metrics;
mod openapi;
mod payload;
mod prefer;
mod problem;
mod query;
mod reach;
mod refusals;
mod response;
mod routes;
mod state;
mod store;
mod trace;
mod v1;
mod values;

pub(crate) use base_path::BasePath;
pub(crate) use metrics::HttpMetrics;
pub(crate) use reach::Reach;
pub(crate) use refusals::refusals;
pub(crate) use routes::{described_responses, description, router};
pub(crate) use state::{Api, Limits, Requests};
pub(crate) use trace::Trust;
pub(crate) use v1::StatsBody;
