//! The routes. Each handler is registered together with its description, so that the API serves what it describes.

use std::any::Any;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi as Document, RefOr, Required, Server};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::base_path::BasePath;
use super::instrument::InstrumentLayer;
use super::metrics::DescribedResponse;
use super::openapi::Description;
use super::problem::Problem;
use super::reach::{self, Reach};
use super::state::Shared;
use super::{examples, handlers, v1};

/// Returns the router of a port. Unknown paths and methods are answered with problem documents.
pub(crate) fn router(api: &Shared, reach: Reach, base: &BasePath) -> anyhow::Result<Router> {
    let (routes, mut document) = described_routes(reach);
    examples::add_to(&mut document)?;
    document.servers = base.path().map(|path| vec![Server::new(path)]);
    let routes = routes
        .route("/openapi.json", document_route(text(&document)?))
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(Arc::clone(api))
        // In one layer, because each layer is a box that a waiting request keeps.
        .layer((
            InstrumentLayer { api: Arc::clone(api), trust: reach.trust(api.trust) },
            CatchPanicLayer::custom(panicked),
        ));
    Ok(base.serve(routes))
}

/// Returns the description of the whole API.
pub(crate) fn description() -> anyhow::Result<String> {
    let (_, mut document) = described_routes(Reach::Everything);
    examples::add_to(&mut document)?;
    text(&document)
}

/// Returns all responses that the API describes.
pub(crate) fn described_responses() -> impl Iterator<Item = DescribedResponse> {
    let (_, document) = described_routes(Reach::Everything);
    document.paths.paths.into_iter().flat_map(|(route, item)| {
        let operations = [("GET", item.get), ("POST", item.post), ("DELETE", item.delete)];
        operations.into_iter().flat_map(move |(method, operation)| {
            let route = route.clone();
            let statuses =
                operation.into_iter().flat_map(|operation| operation.responses.responses.into_keys());
            statuses.map(move |status| DescribedResponse { method, route: route.clone(), status })
        })
    })
}

/// The operations that create events and read their values.
fn public_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(handlers::read::count))
        .routes(routes!(handlers::read::value))
        .routes(routes!(handlers::create::create_async))
        .routes(routes!(handlers::create::create_sync))
        .routes(routes!(v1::events::create))
}

/// The operations that list, show, change or remove events.
fn other_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(v1::events::list, v1::events::purge))
        .routes(routes!(v1::event::read))
        .routes(routes!(v1::event::retry))
        .routes(routes!(v1::event::cancel))
        .routes(routes!(v1::stats::read))
}

/// Returns the routes of a port, and the description of what it serves.
fn described_routes(reach: Reach) -> (Router<Shared>, Document) {
    let (routes, mut document) = match reach {
        Reach::Everything => public_routes().merge(other_routes()).split_for_parts(),
        Reach::Public => {
            let (routes, document) = public_routes().split_for_parts();
            (routes.merge(reach::refused(&other_routes().into_openapi())), document)
        }
    };
    for path in ["/create-async", "/create-sync"] {
        let body =
            document.paths.paths.get_mut(path).and_then(|path| path.post.as_mut()?.request_body.as_mut());
        // The body may be any JSON document, or empty.
        if let Some(RefOr::T(body)) = body {
            body.required = Some(Required::False);
        }
    }
    (routes, document)
}

/// Returns the description as it is served and committed.
fn text(document: &Document) -> anyhow::Result<String> {
    let json = document.to_pretty_json().context("failed to serialize the API's description")?;
    Ok(json + "\n")
}

fn document_route(text: String) -> axum::routing::MethodRouter<Shared> {
    // Leaked, because it is served until the process ends.
    let text: &'static str = text.leak();
    get(async move || ([(header::CONTENT_TYPE, "application/json")], text))
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
