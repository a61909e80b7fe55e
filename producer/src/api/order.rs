//! What is to be created, from a request: options in the query, the key in a header, payloads in the body.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName};
use eventpipeline_database::{Creation, IdempotencyKey, NewEvent, NotBefore, Priority};
use jiff::Timestamp;

use crate::api::body::{Limit, Received, content_type, is_json, not_encoded};
use crate::api::payload;
use crate::api::problem::Problem;
use crate::api::query::{Query, number};
use crate::api::{Shared, trace, v1};
use crate::writer::Order;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One event, as the classic paths create it: the body is its payload, or empty.
#[derive(Debug)]
pub(super) struct One(pub(super) Order);

/// One or several events, as `/v1/events` creates them.
#[derive(Debug)]
pub(super) struct Several(pub(super) Order);

impl FromRequest<Shared> for One {
    type Rejection = Problem;

    fn from_request(request: Request, api: &Shared) -> impl Future<Output = Result<Self, Problem>> + Send {
        // In a box: who waits for the event's end later has no use for the room that this takes.
        Box::pin(Self::read(request, api))
    }
}

impl One {
    async fn read(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // The body comes first: who is answered while still sending may never see the answer.
        let limit = Limit { what: "a payload", bytes: api.limits.payload_bytes };
        let Received { bytes, held } = Received::read(body, limit, &api.bodies).await?;
        let mut query = Query::of(&parts.uri);
        let event = NewEvent {
            payload: single_payload(&parts.headers, bytes)?,
            priority: query.take("priority", "a whole number from 0 to 9", priority)?.unwrap_or_default(),
            not_before: not_before(&mut query)?,
        };
        let creation = Creation::one(event).with_key(key(&parts.headers)?).with_trace(trace::context(&parts));
        Ok(Self(Order { creation, held }))
    }
}

/// By a time or a delay.
fn not_before(query: &mut Query) -> Result<Option<NotBefore>, Problem> {
    let time = query.take("notBefore", RFC_3339, timestamp)?.map(NotBefore::At);
    let delay =
        query.take(DELAY, "a whole number of seconds, at most 4294967295", number)?.map(NotBefore::Delay);
    if time.is_some() && delay.is_some() {
        return Err(Problem::invalid_parameter(
            DELAY,
            "it must not be beside notBefore: each says when the event begins",
        ));
    }
    Ok(time.or(delay))
}

fn single_payload(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Option<String>, Problem> {
    if bytes.is_empty() {
        return Ok(None);
    }
    not_encoded(headers)?;
    if let Some(other) = content_type(headers).filter(|content_type| !is_json(content_type)) {
        return Err(Problem::wrong_type("a payload is application/json, or there is none", &other));
    }
    let text = String::from_utf8(bytes).map_err(|_| Problem::not_json("it is not UTF-8"))?;
    // Only checked: what is stored is what was posted.
    payload::check(&text).map_err(|why| Problem::not_json(&why))?;
    Ok(Some(text))
}

impl FromRequest<Shared> for Several {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limit = Limit { what: "a request with several events", bytes: v1::batch::MAX_BYTES };
        let Received { bytes, mut held } = Received::read(body, limit, &api.bodies).await?;
        Query::of(&parts.uri).nothing_else("none")?;
        not_encoded(&parts.headers)?;
        let key = key(&parts.headers)?;
        let content_type = content_type(&parts.headers);
        let creation = v1::batch::parse(content_type.as_deref(), &bytes, api.limits.payload_bytes)?;
        // Many events without payloads are longer than their text.
        api.bodies.take(&mut held, size_of_val(creation.events()))?;
        let creation = creation.with_key(key).with_trace(trace::context(&parts));
        Ok(Self(Order { creation, held }))
    }
}

/// The key that makes a repeated request the same request.
fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(Problem::invalid_key("it is given more than once"));
    }
    let text = line.to_str().map_err(|_| Problem::invalid_key("it must be printable ASCII"))?;
    IdempotencyKey::new(text).map(Some).map_err(|error| Problem::invalid_key(&error.to_string()))
}

const DELAY: &str = "delaySeconds";
const RFC_3339: &str = "a time as in RFC 3339, such as 2027-01-31T08:00:00Z (in a query, + is written %2B)";

fn priority(text: &str) -> Option<Priority> {
    number(text).and_then(Priority::new)
}

/// What lies before 1970 is as much in the past as 1970 is; databases know less of it than RFC 3339 does.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(|time: Timestamp| time.max(Timestamp::UNIX_EPOCH))
}
