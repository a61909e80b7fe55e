//! An event as JSON.

use std::borrow::Cow;

use eventpipeline_database::{Event, State, json_of};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use strum::VariantArray as _;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::openapi::{AnyJson, string};

/// An event with all its fields.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(in crate::http) struct EventBody {
    #[schema(minimum = 1)]
    id: i64,
    state: StateName,
    /// Type of its creation.
    #[serde(rename = "type")]
    #[schema(rename = "type", required)]
    event_type: Option<String>,
    /// Key of its creation.
    #[schema(required)]
    key: Option<String>,
    /// The consumer's result, or an empty string while there is none.
    valor: String,
    /// The payload of its creation.
    #[schema(value_type = AnyJson)]
    payload: Option<Box<RawValue>>,
    #[schema(minimum = 0, maximum = 9)]
    priority: u8,
    /// Number of claims, without claims that the consumer released.
    attempts: u32,
    /// Error of the last failed attempt.
    #[schema(required)]
    error: Option<String>,
    /// Consumer that claimed the event last.
    #[schema(required)]
    owner: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Earliest time at which a pending event is processed, if it is in the future.
    #[schema(format = DateTime, required)]
    not_before: Option<String>,
    /// Time at which the event became done, dead or cancelled.
    #[schema(format = DateTime, required)]
    finished_at: Option<String>,
}

/// The name of a state.
#[derive(Debug, Serialize)]
pub(super) struct StateName(&'static str);

impl StateName {
    /// Returns a schema with all names.
    pub(super) fn builder() -> ObjectBuilder {
        string().enum_values(Some(State::VARIANTS.iter().map(<&str>::from)))
    }
}

impl PartialSchema for StateName {
    fn schema() -> RefOr<Schema> {
        Self::builder().description(Some("Pending, blocked by earlier events of its key, processing, or finished in one of three ways.")).into()
    }
}

impl ToSchema for StateName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("State")
    }
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        let later = event.state == State::Pending && event.due > Timestamp::now();
        Self {
            id: event.id.get(),
            state: StateName(event.state.into()),
            event_type: event.event_type,
            key: event.key,
            valor: event.valor,
            payload: event.payload.as_deref().map(|payload| json_of(payload).into_owned()),
            priority: event.priority.get(),
            attempts: event.attempts,
            error: event.error,
            owner: event.owner,
            created_at: event.created_at.to_string(),
            not_before: later.then(|| event.due.to_string()),
            finished_at: event.finished_at.map(|time| time.to_string()),
        }
    }
}
