//! The API's description, made from the routes themselves: what is served is what is described.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType};
use utoipa::openapi::{OpenApi as Document, RefOr, Required};
use utoipa::{IntoParams, IntoResponses, OpenApi, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::reach::{self, Reach};
use crate::api::{Shared, create, problem, read, v1};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "EventPipeline",
        description = "Durable events over HTTP: an id at once, or the answer once the event is processed.\n\n\
            The paths tagged `classic` are those that every producer of an event pipeline has. Errors are problem \
            documents (RFC 9457) that also carry `message`. Answers of 503 and 507 say in `Retry-After` when to \
            try again.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "classic", description = "Create events one by one, and read their values"),
        (name = "events", description = "Events in full: create many, list, try again, cancel, remove"),
    )
)]
struct Described;

/// The operations that create events and read their values.
fn public_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(read::count))
        .routes(routes!(read::value))
        .routes(routes!(create::create_async))
        .routes(routes!(create::create_sync))
        .routes(routes!(v1::events::create))
}

/// The operations that show events in full, or change or remove them.
fn other_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(v1::events::list, v1::events::purge))
        .routes(routes!(v1::event::read))
        .routes(routes!(v1::event::retry))
        .routes(routes!(v1::event::cancel))
        .routes(routes!(v1::stats::read))
}

/// The routes of a port, and the description of what it serves.
pub(super) fn described_routes(reach: Reach) -> (Router<Shared>, Document) {
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
        // Any JSON is allowed, but none is needed, too.
        if let Some(RefOr::T(body)) = body {
            body.required = Some(Required::False);
        }
    }
    (routes, document)
}

/// An answer that the API describes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) method: &'static str,
    /// The route's pattern.
    pub(crate) route: String,
    pub(crate) status: String,
}

/// All of them.
pub(crate) fn answers() -> impl Iterator<Item = Answer> {
    let (_, document) = described_routes(Reach::Everything);
    document.paths.paths.into_iter().flat_map(|(route, item)| {
        let operations = [("GET", item.get), ("POST", item.post), ("DELETE", item.delete)];
        operations.into_iter().flat_map(move |(method, operation)| {
            let route = route.clone();
            let statuses =
                operation.into_iter().flat_map(|operation| operation.responses.responses.into_keys());
            statuses.map(move |status| Answer { method, route: route.clone(), status })
        })
    })
}

/// The description as it is served and kept in the repository.
pub(super) fn text(document: &Document) -> serde_json::Result<String> {
    document.to_pretty_json().map(|text| text + "\n")
}

/// Adds the description to the routes that it describes.
pub(super) fn add(routes: Router<Shared>, text: String) -> Router<Shared> {
    // Served until the process ends.
    let text: &'static str = text.leak();
    routes.route("/openapi.json", get(async move || ([(header::CONTENT_TYPE, "application/json")], text)))
}

/// Any JSON document.
#[derive(Debug)]
pub(super) struct AnyJson;

impl PartialSchema for AnyJson {
    fn schema() -> RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl ToSchema for AnyJson {}

/// How the classic paths are told what is not the event's payload.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct EventOptions {
    /// How urgent the event is; a point is worth a minute of waiting
    #[param(minimum = 0, maximum = 9)]
    priority: Option<u8>,
    /// When the event is processed at the earliest
    #[param(rename = "notBefore", format = DateTime)]
    not_before: Option<String>,
    /// Instead of `notBefore`: how many seconds after its creation
    #[param(rename = "delaySeconds", minimum = 0, maximum = 4_294_967_295_u32)]
    delay_seconds: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description")]
pub(super) struct Key {
    /// The same key and request again create nothing, and are answered as before
    #[param(
        rename = "Idempotency-Key",
        max_length = 255,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        nullable = false
    )]
    key: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description")]
pub(super) struct Preference {
    /// `wait=10`: wait at most ten seconds; `respond-async`: do not wait (RFC 7240). What is not understood is ignored
    #[param(rename = "Prefer", nullable = false)]
    prefer: Option<String>,
}

/// What every request can lead to.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description")]
pub(super) enum Failures<'a> {
    #[response(status = 500, description = "The service failed", content_type = "application/problem+json")]
    Internal(problem::Body<'a>),
    #[response(
        status = 503,
        description = "The service is overloaded, or its database is not available",
        content_type = "application/problem+json",
        headers(("Retry-After" = i64, description = "In how many seconds to try again"))
    )]
    Unavailable(problem::Body<'a>),
}

/// What a request about one event can lead to.
#[derive(IntoResponses)]
#[response(status = 404, description = "There is no such event", content_type = "application/problem+json")]
pub(super) struct Unknown<'a>(#[expect(dead_code, reason = "a description")] problem::Body<'a>);

/// What a change of one event can lead to.
#[derive(IntoResponses)]
#[response(
    status = 409,
    description = "The event is in another state",
    content_type = "application/problem+json"
)]
pub(super) struct WrongState<'a>(#[expect(dead_code, reason = "a description")] problem::Body<'a>);

/// What a request with parameters can lead to.
#[derive(IntoResponses)]
#[response(
    status = 400,
    description = "The request says nothing that can be done",
    content_type = "application/problem+json"
)]
pub(super) struct Invalid<'a>(#[expect(dead_code, reason = "a description")] problem::Body<'a>);

/// What a request with a body can lead to.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description")]
pub(super) enum Unstorable<'a> {
    #[response(
        status = 408,
        description = "The body arrived too slowly",
        content_type = "application/problem+json"
    )]
    Slow(problem::Body<'a>),
    #[response(
        status = 413,
        description = "The body is too large",
        content_type = "application/problem+json"
    )]
    Large(problem::Body<'a>),
    #[response(status = 415, description = "The body is not JSON", content_type = "application/problem+json")]
    Foreign(problem::Body<'a>),
    #[response(
        status = 422,
        description = "The key was used with another request",
        content_type = "application/problem+json"
    )]
    KeyReused(problem::Body<'a>),
    #[response(
        status = 507,
        description = "The database's volume is nearly full; reads, changes and the processing of events go on",
        content_type = "application/problem+json",
        headers(("Retry-After" = i64, description = "In how many seconds to try again"))
    )]
    Full(problem::Body<'a>),
}
