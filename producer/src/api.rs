//! The HTTP API: routes, and what every answer carries.

mod answer;
mod base_path;
mod body;
mod cors;
mod create;
mod mark;
mod openapi;
mod order;
mod payload;
mod prefer;
mod problem;
mod query;
mod reach;
mod read;
mod refusals;
mod trace;
mod v1;

use std::any::Any;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::{Created, EventId};
use eventpipeline_service::{Announcer, Sampler, Tracer};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::Server;

pub(crate) use crate::api::base_path::BasePath;
use crate::api::mark::Mark;
pub(crate) use crate::api::openapi::{Answer, answers};
use crate::api::problem::Problem;
pub(crate) use crate::api::reach::Reach;
pub(crate) use crate::api::refusals::refusals;
pub(crate) use crate::api::trace::Trust;
pub(crate) use crate::api::v1::stats::StatsBody;
use crate::changer::Changes;
use crate::mailbox::Mailbox;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::reader::Reads;
use crate::storage::Storage;
use crate::surveyor::Surveys;
use crate::waiters::Waiters;
use crate::writer::Order;

/// What the routes need.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) requests: Requests,
    pub(crate) waiters: Waiters,
    pub(crate) announcer: Announcer,
    /// Cancelled when waiting clients must be answered without a value.
    pub(crate) give_up: CancellationToken,
    pub(crate) limits: Limits,
    /// What request bodies may take, and what answers may.
    pub(crate) bodies: Memory,
    pub(crate) answers: Memory,
    /// Whether there is room for events.
    pub(crate) storage: Storage,
    pub(crate) metrics: Metrics,
    pub(crate) served_by: HeaderValue,
    pub(crate) tracer: Tracer,
    pub(crate) trust: Trust,
    /// Which creations have a log line.
    pub(crate) lines: Arc<Sampler>,
}

/// The same for every port.
pub(crate) type Shared = Arc<Api>;

/// What the tasks behind the API can be asked for.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) create: Mailbox<Order, Created>,
    pub(crate) reads: Reads,
    pub(crate) surveys: Surveys,
    pub(crate) changes: Changes,
}

/// What a request may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The longest payload.
    pub(crate) payload_bytes: usize,
    /// The longest wait of a create-sync, in seconds; without one it waits as long as its client.
    pub(crate) wait_seconds: Option<u32>,
}

const SERVICE_LANGUAGE: HeaderName = HeaderName::from_static("x-service-language");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The routes of a port, with problem documents for all else.
pub(crate) fn router(api: &Shared, reach: Reach, base: &BasePath) -> anyhow::Result<Router> {
    let (routes, mut document) = openapi::described_routes(reach);
    document.servers = base.path().map(|path| vec![Server::new(path)]);
    let document = openapi::text(&document).context("failed to write the API's description")?;
    let routes = openapi::add(routes, document)
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(Arc::clone(api))
        // In one layer: each is a box that a waiting request holds.
        .layer((
            Mark { api: Arc::clone(api), trust: reach.trust(api.trust) },
            CatchPanicLayer::custom(panicked),
        ));
    Ok(base.serve(routes))
}

/// The API's description.
pub(crate) fn description() -> anyhow::Result<String> {
    let (_, document) = openapi::described_routes(Reach::Everything);
    openapi::text(&document).context("failed to write the API's description")
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = why, "a request handler panicked");
    Problem::internal().into_response()
}

/// Where an event is read, as `Location` says it.
fn location(id: EventId) -> HeaderValue {
    // Digits are always a header's value.
    HeaderValue::try_from(format!("/{id}")).unwrap_or(HeaderValue::from_static("/"))
}
