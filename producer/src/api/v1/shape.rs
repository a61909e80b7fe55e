//! An event as JSON.

use eventpipeline_database::{Event, State, json_of};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::openapi::AnyJson;

/// An event in full.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(in crate::api) struct EventBody {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(value_type = StateBody)]
    state: &'static str,
    /// What a consumer made of it; empty while it has no value.
    valor: String,
    /// What it was created with.
    #[schema(value_type = AnyJson)]
    payload: Option<Box<RawValue>>,
    #[schema(minimum = 0, maximum = 9)]
    priority: u8,
    /// How often a consumer claimed it without giving it back.
    attempts: u32,
    /// Why its last failed attempt failed.
    #[schema(required)]
    error: Option<String>,
    /// The consumer that took it last.
    #[schema(required)]
    owner: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it is processed at the earliest, while that is not yet.
    #[schema(format = DateTime, required)]
    not_before: Option<String>,
    /// When it became done, dead or cancelled.
    #[schema(format = DateTime, required)]
    finished_at: Option<String>,
}

/// Where an event is: waiting, with a consumer, or ended in one of three ways.
#[derive(ToSchema)]
#[schema(as = State, rename_all = "lowercase")]
#[expect(dead_code, reason = "a description of the database's states")]
pub(in crate::api) enum StateBody {
    Pending,
    Processing,
    Done,
    Dead,
    Cancelled,
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        let later = event.state == State::Pending && event.due > Timestamp::now();
        Self {
            id: event.id.get(),
            state: event.state.into(),
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
