//! `/v1/events/{id}`: one event.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use eventpipeline_database::{Event, EventId, Transition};

use super::event_body::EventBody;
use crate::http::event_id::PathId;
use crate::http::openapi::{Failures, NotFound, WrongState};
use crate::http::problem::Problem;
use crate::http::state::{Api, Shared};
use crate::memory_budget::MemoryPermit;

/// Returns an event with all its fields.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "read_event",
    tag = "events",
    params(PathId),
    responses((status = 200, description = "The event", body = EventBody), NotFound, Failures)
)]
pub(in crate::http) async fn read(
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let event = api.event(id).await?;
    api.json(StatusCode::OK, &EventBody::from(event), MemoryPermit::default())
}

/// Makes a dead or cancelled event pending again, with all its attempts.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/retry",
    operation_id = "retry_event",
    tag = "events",
    params(PathId),
    responses(
        (status = 200, description = "The event, which is pending again", body = EventBody),
        NotFound, WrongState, Failures,
    )
)]
pub(in crate::http) async fn retry(
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let permit = api.reserve_event()?;
    let change = api.requests.db.retry(id).await?;
    if change == Transition::Changed {
        api.announcer.work();
    }
    api.changed(id, change, "dead or cancelled", permit).await
}

/// Cancels a pending event.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/cancel",
    operation_id = "cancel_event",
    tag = "events",
    params(PathId),
    responses(
        (status = 200, description = "The event, which is cancelled", body = EventBody),
        NotFound, WrongState, Failures,
    )
)]
pub(in crate::http) async fn cancel(
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let permit = api.reserve_event()?;
    let change = api.requests.db.cancel(id).await?;
    if change == Transition::Changed {
        api.waits.finished([id]);
        api.announcer.finished([id.get()]);
        // The next event of its key may be free.
        api.announcer.work();
    }
    api.changed(id, change, "pending or blocked", permit).await
}

impl Api {
    async fn event(&self, id: EventId) -> Result<Event, Problem> {
        self.requests.reads.event.ask(id).await?.ok_or_else(|| Problem::event_not_found(&id.to_string()))
    }

    /// Responds to a change with the event, or with a problem. `allowed` lists the states that allow the change.
    async fn changed(
        &self,
        id: EventId,
        change: Transition,
        allowed: &str,
        permit: MemoryPermit,
    ) -> Result<Response, Problem> {
        match change {
            Transition::Changed => self.json(StatusCode::OK, &EventBody::from(self.event(id).await?), permit),
            Transition::NotFound => Err(Problem::event_not_found(&id.to_string())),
            Transition::Locked => Err(Problem::event_locked(id)),
            Transition::Refused(state) => Err(Problem::wrong_state(id, state, allowed)),
        }
    }
}
