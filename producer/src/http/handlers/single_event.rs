//! The event of a classic request: options in the query, the key in a header, and the payload in the body.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use eventpipeline_database::{Creation, EventKey, EventType, NewEvent, NotBefore, Priority};
use jiff::Timestamp;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter as Description, ParameterIn};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use crate::http::body::{Limit, Received};
use crate::http::content_type::{content_type, is_json, refuse_encoding};
use crate::http::idempotency_key::KeyHeader;
use crate::http::openapi::{EventKeySchema, EventTypeSchema, integer, string};
use crate::http::problem::Problem;
use crate::http::query::{Parameter, Parameters as _, Query};
use crate::http::state::Shared;
use crate::http::values::{event_key, event_type, number, priority, timestamp};
use crate::http::{payload, trace};
use crate::tasks::CreateRequest;

/// A request to create one event. Its body is the payload, or empty.
#[derive(Debug)]
pub(in crate::http) struct SingleEvent(pub(super) CreateRequest);

impl FromRequest<Shared> for SingleEvent {
    type Rejection = Problem;

    fn from_request(request: Request, api: &Shared) -> impl Future<Output = Result<Self, Problem>> + Send {
        // In a box, so that a request that waits for its event does not keep the space of this future.
        Box::pin(Self::read(request, api))
    }
}

impl SingleEvent {
    async fn read(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // The body is read first, because a client may not see a response while it sends.
        let limit = Limit { name: "a payload", bytes: api.limits.payload_bytes };
        let Received { bytes, permit } = Received::read(body, limit, &api.bodies).await?;
        let payload = payload(&parts.headers, bytes)?;
        let EventOptions { event_type, key, priority, not_before } =
            EventOptions::read(&mut Query::of(&parts.uri))?;
        let event = NewEvent { event_type, key, payload, priority, not_before };
        let KeyHeader(idempotency_key) = KeyHeader::of(&parts.headers)?;
        let creation = Creation::one(event).with_key(idempotency_key).with_trace(trace::context(&parts));
        Ok(Self(CreateRequest { creation, permit }))
    }
}

fn payload(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Option<String>, Problem> {
    if bytes.is_empty() {
        return Ok(None);
    }
    refuse_encoding(headers)?;
    if let Some(other) = content_type(headers).filter(|content_type| !is_json(content_type)) {
        return Err(Problem::wrong_type("a payload must be application/json, or empty", &other));
    }
    let text = String::from_utf8(bytes).map_err(|_| Problem::not_json("it is not UTF-8"))?;
    // The text is stored as it is, not as it would be serialized.
    payload::check(&text).map_err(|why| Problem::not_json(&why))?;
    Ok(Some(text))
}

const TYPE: Parameter<EventType> = Parameter {
    name: "type",
    description: "Type of the event, such as `order.created`. It decides which group of consumers processes the event",
    expected: "1 to 255 letters, digits and . _ - / : + that begin and end with a letter or a digit (in a query, + is written \
               %2B)",
    parse: event_type,
    schema: EventTypeSchema::object,
};
const KEY: Parameter<EventKey> = Parameter {
    name: "key",
    description: "Key of the event, such as `customer-7`. Events with the same key are processed in the order of their creation",
    expected: "1 to 255 printable ASCII characters that begin and end with no space (in a query, + is written %2B)",
    parse: event_key,
    schema: EventKeySchema::object,
};
const PRIORITY: Parameter<Priority> = Parameter {
    name: "priority",
    description: "Urgency of the event; a point is worth a minute of waiting",
    expected: "a whole number from 0 to 9",
    parse: priority,
    schema: || integer(KnownFormat::Int32, 0, Some(Priority::MAX.get().into())),
};
const NOT_BEFORE: Parameter<Timestamp> = Parameter {
    name: "notBefore",
    description: "Earliest time at which the event is processed",
    expected: "an RFC 3339 time, such as 2027-01-31T08:00:00Z (in a query, + is written %2B)",
    parse: timestamp,
    schema: || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build(),
};
const DELAY: Parameter<u32> = Parameter {
    name: "delaySeconds",
    description: "Delay before the event may be processed, in seconds; cannot be combined with `notBefore`",
    expected: "a whole number of seconds, at most 4294967295",
    parse: number,
    schema: || integer(KnownFormat::Int32, 0, Some(u32::MAX.into())),
};

type Route = (Parameter<EventType>, Parameter<EventKey>);
type Options = (Route, Parameter<Priority>, Parameter<Timestamp>, Parameter<u32>);
/// The parameters, in the order of their values.
const PARAMETERS: Options = ((TYPE, KEY), PRIORITY, NOT_BEFORE, DELAY);

/// The query parameters.
pub(in crate::http) struct EventOptions {
    event_type: Option<EventType>,
    key: Option<EventKey>,
    priority: Priority,
    not_before: Option<NotBefore>,
}

impl EventOptions {
    fn read(query: &mut Query) -> Result<Self, Problem> {
        let ((event_type, key), priority, time, delay) = PARAMETERS.read(query)?;
        let not_before = match (time, delay) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_parameter(DELAY.name, "it cannot be combined with notBefore"));
            }
            (time, delay) => time.map(NotBefore::At).or(delay.map(NotBefore::Delay)),
        };
        Ok(Self { event_type, key, priority: priority.unwrap_or_default(), not_before })
    }
}

impl IntoParams for EventOptions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Description> {
        PARAMETERS.describe()
    }
}
