//! `POST /create-async` and `POST /create-sync`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::EventId;
use serde::Serialize;
use utoipa::ToSchema;

use super::read::ValueBody;
use super::single_event::{EventOptions, SingleEvent};
use crate::http::headers::{PREFERENCE_APPLIED, location};
use crate::http::idempotency_key::KeyHeader;
use crate::http::openapi::{AnyJson, Failures, Invalid, NoValue, NotCreated};
use crate::http::prefer::WaitPreference;
use crate::http::problem::Problem;
use crate::http::state::{Api, Shared};
use crate::http::store::Stored;
use crate::memory_budget::MemoryPermit;
use crate::waits::Outcome;

/// The response to the creation of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Created)]
pub(in crate::http) struct CreatedBody {
    #[schema(value_type = String, example = "Event created on demand")]
    message: &'static str,
    /// Id of the event.
    #[schema(minimum = 1)]
    id: i64,
}

/// Creates an event and returns its id.
#[utoipa::path(
    post,
    path = "/create-async",
    tag = "classic",
    params(EventOptions, KeyHeader),
    request_body(content = AnyJson, content_type = "application/json", description = "The event's payload"),
    responses(
        (status = 202, description = "The event is stored", body = CreatedBody, headers(
            ("Location" = String, description = "Path of the event's value"),
            ("Idempotent-Replayed" = String, description = "`true` if an earlier request with the same key created the event"),
        )),
        Invalid, NotCreated, Failures,
    )
)]
pub(in crate::http) async fn create_async(
    State(api): State<Shared>,
    SingleEvent(request): SingleEvent,
) -> Result<Response, Problem> {
    let stored = api.store(request).await?;
    Ok(stored.mark(created(stored.ids.first())))
}

/// Creates an event, waits until a consumer has processed it, and returns its value.
///
/// The request waits as long as its client does, unless `Prefer` or the server set a limit. When the limit is reached or the
/// producer shuts down, the response is the same as for `create-async`: the event is stored, and any producer can return its
/// value later.
#[utoipa::path(
    post,
    path = "/create-sync",
    tag = "classic",
    params(EventOptions, KeyHeader, WaitPreference),
    request_body(content = AnyJson, content_type = "application/json", description = "The event's payload"),
    responses(
        (status = 201, description = "The event is processed", body = ValueBody, headers(
            ("Preference-Applied" = String, description = "The preferences that were honored"),
            ("Idempotent-Replayed" = String, description = "`true` if an earlier request with the same key created the event"),
        )),
        (status = 202, description = "The event is stored, and the wait is over", body = CreatedBody, headers(
            ("Location" = String, description = "Path of the event's value"),
            ("Preference-Applied" = String, description = "The preferences that were honored"),
            ("Idempotent-Replayed" = String, description = "`true` if an earlier request with the same key created the event"),
        )),
        NoValue, Invalid, NotCreated, Failures,
    )
)]
pub(in crate::http) async fn create_sync(
    State(api): State<Shared>,
    headers: HeaderMap,
    SingleEvent(request): SingleEvent,
) -> Result<Response, Problem> {
    let wait = WaitPreference::of(&headers, api.limits.wait_seconds);
    // Dropped and boxed to keep waiting requests small.
    drop(headers);
    let stored = Box::pin(api.store(request)).await?;
    let id = stored.ids.first();
    let mut response = match api.wait(stored, wait.limit).await {
        None => created(id),
        // The event is stored. If the budget has no memory for its value, the client has to read the value later.
        Some(Outcome::Done(valor)) => api
            .json(StatusCode::CREATED, &ValueBody { valor }, MemoryPermit::default())
            .unwrap_or_else(|_| created(id)),
        Some(Outcome::Dead) => Problem::event_dead(id).into_response(),
        Some(Outcome::Cancelled) => Problem::event_cancelled(id).into_response(),
        Some(Outcome::Removed) => Problem::event_removed(id).into_response(),
    };
    if let Some(applied) = wait.applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(stored.mark(response))
}

impl Api {
    /// Waits for the end of an event. Returns `None` if the wait ends first.
    async fn wait(&self, stored: Stored, limit: Option<Duration>) -> Option<Outcome> {
        if limit.is_some_and(|limit| limit.is_zero()) {
            return None;
        }
        let mut wait = self.waits.wait_for(stored.ids.first(), !stored.replayed);
        let over = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = wait.outcome() => outcome,
            () = self.end_of_waiting.cancelled() => None,
            () = over => None,
        }
    }
}

fn created(id: EventId) -> Response {
    let body = CreatedBody { message: "Event created on demand", id: id.get() };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    response.headers_mut().insert(header::LOCATION, location(id));
    response
}
