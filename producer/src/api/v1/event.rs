//! `/v1/events/{id}`: one event.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use eventpipeline_database::{Event, EventId, Transition};

use crate::api::openapi::{Failures, Unknown, WrongState};
use crate::api::problem::Problem;
use crate::api::read::Id;
use crate::api::v1::shape::EventBody;
use crate::api::{Api, Shared};
use crate::memory::Held;

/// An event in full.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "read_event",
    tag = "events",
    params(("id" = i64, Path, minimum = 1, description = "The event's id")),
    responses((status = 200, description = "The event", body = EventBody), Unknown, Failures)
)]
pub(in crate::api) async fn read(State(api): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    let event = api.event(id).await?;
    api.answer(StatusCode::OK, &EventBody::from(event), Held::default())
}

/// Has a dead or cancelled event tried again, as if it had never been.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/retry",
    operation_id = "retry_event",
    tag = "events",
    params(("id" = i64, Path, minimum = 1, description = "The event's id")),
    responses((status = 200, description = "The event, pending again", body = EventBody), Unknown, WrongState, Failures)
)]
pub(in crate::api) async fn retry(State(api): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    let held = api.room_for_event()?;
    let change = api.requests.changes.retry.ask(id).await?;
    if change == Transition::Changed {
        api.announcer.work();
    }
    api.changed(id, change, "dead or cancelled", held).await
}

/// Takes a pending event back.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/cancel",
    operation_id = "cancel_event",
    tag = "events",
    params(("id" = i64, Path, minimum = 1, description = "The event's id")),
    responses((status = 200, description = "The event, cancelled", body = EventBody), Unknown, WrongState, Failures)
)]
pub(in crate::api) async fn cancel(State(api): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    let held = api.room_for_event()?;
    let change = api.requests.changes.cancel.ask(id).await?;
    if change == Transition::Changed {
        api.waiters.ended([id]);
        api.announcer.finished([id.get()]);
    }
    api.changed(id, change, "pending", held).await
}

impl Api {
    async fn event(&self, id: EventId) -> Result<Event, Problem> {
        self.requests.reads.event.ask(id).await?.ok_or_else(|| Problem::event_not_found(&id.to_string()))
    }

    /// The event after a change that is possible in the states that are named.
    async fn changed(
        &self,
        id: EventId,
        change: Transition,
        possible: &str,
        held: Held,
    ) -> Result<Response, Problem> {
        match change {
            Transition::Changed => self.answer(StatusCode::OK, &EventBody::from(self.event(id).await?), held),
            Transition::NotFound => Err(Problem::event_not_found(&id.to_string())),
            Transition::Locked => Err(Problem::event_locked(id)),
            Transition::Refused(state) => Err(Problem::wrong_state(id, state, possible)),
        }
    }
}
