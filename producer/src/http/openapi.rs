//! Parts of the API's description that operations share.

use std::collections::BTreeMap;

use eventpipeline_database::{EventId, EventKey, EventType, State};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{IntoResponses, OpenApi, PartialSchema, ToSchema};

use super::problem::{Problem, ProblemBody};
use crate::error::Unavailable;
use crate::storage::Full;

/// The event of examples.
const EVENT: EventId = EventId::FIRST;

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

/// The schema of the type of an event.
#[derive(Debug)]
pub(super) struct EventTypeSchema;

impl EventTypeSchema {
    pub(super) fn object() -> Object {
        let pattern = "^[A-Za-z0-9]([A-Za-z0-9._:/+-]{0,253}[A-Za-z0-9])?$";
        string().min_length(Some(1)).max_length(Some(EventType::MAX_CHARS)).pattern(Some(pattern)).build()
    }
}

impl PartialSchema for EventTypeSchema {
    fn schema() -> RefOr<Schema> {
        Self::object().into()
    }
}

impl ToSchema for EventTypeSchema {}

/// The schema of the key of an event.
#[derive(Debug)]
pub(super) struct EventKeySchema;

impl EventKeySchema {
    pub(super) fn object() -> Object {
        let pattern = "^[!-~]([ -~]{0,253}[!-~])?$";
        string().min_length(Some(1)).max_length(Some(EventKey::MAX_CHARS)).pattern(Some(pattern)).build()
    }
}

impl PartialSchema for EventKeySchema {
    fn schema() -> RefOr<Schema> {
        Self::object().into()
    }
}

impl ToSchema for EventKeySchema {}

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
            problem("The service failed", &Problem::internal()),
            temporary_problem(
                "The service is overloaded, or its database is not available",
                &Problem::from(Unavailable::Database),
            ),
        ])
    }
}

/// The problem of operations on one event.
pub(super) struct NotFound;

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem("The event does not exist", &Problem::event_not_found("99"))])
    }
}

/// The problem of operations that change one event.
pub(super) struct WrongState;

impl IntoResponses for WrongState {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem(
            "The event's state does not allow the operation",
            &Problem::wrong_state(EVENT, State::Done, "pending"),
        )])
    }
}

/// The problem of operations with parameters.
pub(super) struct Invalid;

impl IntoResponses for Invalid {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([problem(
            "The request is invalid",
            &Problem::invalid_parameter("limit", "must be a whole number from 1 to 1000"),
        )])
    }
}

/// The problems of operations that create events.
pub(super) struct NotCreated;

impl IntoResponses for NotCreated {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            problem("The body arrived too slowly", &Problem::slow(60)),
            problem("The body is too large", &Problem::too_large("a payload", 65_536)),
            problem(
                "The body is not JSON",
                &Problem::wrong_type("a payload must be application/json, or empty", "text/plain"),
            ),
            problem("The key was used with another request", &Problem::key_reused()),
            temporary_problem(
                "The database's volume is nearly full; stored events are still read, changed and processed",
                &Problem::from(Unavailable::Full(Full { space: None })),
            ),
        ])
    }
}

/// The problems of operations that wait for an event.
pub(super) struct NoValue;

impl IntoResponses for NoValue {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            problem("The event was cancelled", &Problem::event_cancelled(EVENT)),
            problem("The event was removed", &Problem::event_removed(EVENT)),
        ])
    }
}

type Described = (String, RefOr<Response>);

fn problem(description: &str, example: &Problem) -> Described {
    described(example, document(description, example))
}

fn temporary_problem(description: &str, example: &Problem) -> Described {
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds after which to retry"));
    described(example, document(description, example).header("Retry-After", header.build()))
}

fn document(description: &str, example: &Problem) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .example(Some(example.example()))
        .build();
    ResponseBuilder::new().description(description).content("application/problem+json", content)
}

fn described(example: &Problem, response: ResponseBuilder) -> Described {
    (example.status().as_str().to_owned(), response.build().into())
}
