//! The HTTP API: routes, and what every answer carries.

mod create;
mod payload;
mod problem;
mod read;

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use eventpipeline_database::{EventId, NewEvent, Snapshot};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any as AnyOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api::problem::Problem;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::waiters::Waiters;

/// What the routes need.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) create: Mailbox<NewEvent, EventId>,
    pub(crate) event: Mailbox<EventId, Option<Snapshot>>,
    pub(crate) count: Mailbox<(), i64>,
    pub(crate) waiters: Waiters,
    /// Cancelled when waiting clients must be answered without a value.
    pub(crate) give_up: CancellationToken,
    pub(crate) metrics: Metrics,
    pub(crate) served_by: HeaderValue,
}

const SERVICE_LANGUAGE: HeaderName = HeaderName::from_static("x-service-language");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");

/// The routes of the wire contract, with problem documents for all else.
pub(crate) fn router(api: Api) -> Router {
    let served_by = api.served_by.clone();
    Router::new()
        .route("/", get(read::count))
        .route("/{id}", get(read::event))
        .route("/create-async", post(create::create_async))
        .route("/create-sync", post(create::create_sync))
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(api.metrics.clone(), measure))
        .with_state(api)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors())
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(SERVED_BY, served_by))
        .layer(SetResponseHeaderLayer::overriding(SERVICE_LANGUAGE, HeaderValue::from_static("rust")))
}

/// Any web page may call the API, as ever.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .expose_headers([header::LOCATION, header::RETRY_AFTER, SERVED_BY, SERVICE_LANGUAGE])
}

async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "_OTHER",
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let active = metrics.active_request();
    let response = next.run(request).await;
    drop(active);
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    metrics.answered(method, route, response.status().as_u16(), begun.elapsed());
    response
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

/// `{"valor": "..."}`
#[derive(Debug, Serialize)]
struct ValueBody {
    valor: String,
}

impl ValueBody {
    fn json(valor: String) -> Json<Self> {
        Json(Self { valor })
    }
}
