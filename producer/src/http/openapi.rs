//! Parts of the API's description that operations share.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    Content, HeaderBuilder, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{IntoResponses, OpenApi, PartialSchema, ToSchema};

use super::problem::ProblemBody;

/// The head of the description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "EventPipeline",
        description = "Durable events over HTTP: clients get an id at once, or the value once the event is processed.\n\n\
            Every producer of an event pipeline has the paths tagged `classic`. Errors are problem documents (RFC \
            9457) that also carry `message`. Responses with status 503 or 507 have a `Retry-After` header.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "classic", description = "Create single events, and read their values"),
        (name = "events", description = "Create many events; list, show, retry, cancel and remove events"),
    ),
    components(schemas(ProblemBody)),
)]
pub(super) struct Description;

/// The schema of any JSON document.
#[derive(Debug)]
pub(super) struct AnyJson;

impl PartialSchema for AnyJson {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl ToSchema for AnyJson {}

/// Returns the schema of an integer between two bounds.
pub(super) fn integer(format: KnownFormat, minimum: u64, maximum: Option<u64>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(format)))
        .minimum(Some(minimum))
        .maximum(maximum)
        .build()
}

/// Returns the schema of a string.
pub(super) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Describes a parameter.
pub(super) fn parameter(
    parameter_in: ParameterIn,
    name: &str,
    required: Required,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(parameter_in)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// The problems of all operations.
pub(super) struct Failures;

impl IntoResponses for Failures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The service failed"),
            temporary_problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "The service is overloaded, or its database is not available",
            ),
        ])
    }
}

/// The problem of operations on one event.
pub(super) struct NotFound;

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem(StatusCode::NOT_FOUND, "The event does not exist")])
    }
}

/// The problem of operations that change one event.
pub(super) struct WrongState;

impl IntoResponses for WrongState {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem(StatusCode::CONFLICT, "The event's state does not allow the operation")])
    }
}

/// The problem of operations with parameters.
pub(super) struct Invalid;

impl IntoResponses for Invalid {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem(StatusCode::BAD_REQUEST, "The request is invalid")])
    }
}

/// The problems of operations that create events.
pub(super) struct NotCreated;

impl IntoResponses for NotCreated {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            problem(StatusCode::REQUEST_TIMEOUT, "The body arrived too slowly"),
            problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON"),
            problem(StatusCode::UNPROCESSABLE_ENTITY, "The key was used with another request"),
            temporary_problem(
                StatusCode::INSUFFICIENT_STORAGE,
                "The database's volume is nearly full; stored events are still read, changed and processed",
            ),
        ])
    }
}

/// The problems of operations that wait for an event.
pub(super) struct NoValue;

impl IntoResponses for NoValue {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            problem(StatusCode::CONFLICT, "The event was cancelled"),
            problem(StatusCode::GONE, "The event was removed"),
        ])
    }
}

type Described = (String, RefOr<Response>);

fn problem(status: StatusCode, description: &str) -> Described {
    described(status, document(description))
}

fn temporary_problem(status: StatusCode, description: &str) -> Described {
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds after which to retry"));
    described(status, document(description).header("Retry-After", header.build()))
}

fn document(description: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    ResponseBuilder::new().description(description).content("application/problem+json", content)
}

fn described(status: StatusCode, response: ResponseBuilder) -> Described {
    (status.as_str().to_owned(), response.build().into())
}
