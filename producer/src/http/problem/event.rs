//! Problems with the event of a request.

use axum::http::StatusCode;
use eventpipeline_database::{EventId, State};

use super::Problem;

impl Problem {
    /// The problem of an unknown or malformed id.
    pub(in crate::http) fn event_not_found(id: &str) -> Self {
        let detail = format!(
            "event {id:?} does not exist; an event's id is the whole number that its creation returned"
        );
        let problem = Self::new(StatusCode::NOT_FOUND, "event-not-found", "Event not found", detail);
        Self { message: Some("Event not found"), ..problem }
    }

    pub(in crate::http) fn event_dead(id: EventId) -> Self {
        let detail = format!(
            "event {id} is dead: its attempts are exhausted, or its handler returned a final status; GET \
             /v1/events/{id} returns its last error, and POST /v1/events/{id}/retry makes it pending again"
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "event-dead", "Event dead", detail).about(id)
    }

    pub(in crate::http) fn event_cancelled(id: EventId) -> Self {
        let detail = format!("event {id} was cancelled; POST /v1/events/{id}/retry makes it pending again");
        Self::new(StatusCode::CONFLICT, "event-cancelled", "Event cancelled", detail).about(id)
    }

    pub(in crate::http) fn event_removed(id: EventId) -> Self {
        let detail = format!("event {id} was removed before this request received its value");
        Self::new(StatusCode::GONE, "event-removed", "Event removed", detail).about(id)
    }

    /// `allowed` lists the states that allow the operation.
    pub(in crate::http) fn wrong_state(id: EventId, state: State, allowed: &str) -> Self {
        let detail = format!("event {id} is {state}; this operation requires that it is {allowed}");
        Self::new(StatusCode::CONFLICT, "wrong-state", "Wrong state", detail).about(id)
    }

    pub(in crate::http) fn event_locked(id: EventId) -> Self {
        let detail = format!(
            "another client of the database has locked event {id}; nothing was changed; try again later"
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "event-locked", "Event locked", detail).about(id)
    }
}
