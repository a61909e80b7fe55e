//! `POST /create-async` and `POST /create-sync`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::{Created, EventId, Ids};
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;

use crate::api::openapi::{AnyJson, EventOptions, Failures, Invalid, Key, Preference, Unstorable};
use crate::api::order::One;
use crate::api::prefer::Wait;
use crate::api::problem::{self, Problem};
use crate::api::read::ValueBody;
use crate::api::{Api, IDEMPOTENT_REPLAYED, PREFERENCE_APPLIED, Shared, location};
use crate::error::Unavailable;
use crate::memory::Held;
use crate::waiters::Outcome;
use crate::writer::Order;

/// An event that was created.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Created)]
pub(super) struct CreatedBody {
    #[schema(value_type = String, example = "Event created on demand")]
    message: &'static str,
    /// The event's id.
    #[schema(minimum = 1)]
    id: i64,
}

/// What is stored for a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) ids: Ids,
    /// By an earlier request with the same key.
    pub(super) before: bool,
}

impl Api {
    /// Stores what was ordered, while there is room for it.
    pub(super) async fn store(&self, order: Order) -> Result<Stored, Problem> {
        self.storage.admit().map_err(Unavailable::Full)?;
        match self.requests.create.ask(order).await? {
            Created::New(ids) => {
                self.tell_of(ids);
                Ok(Stored { ids, before: false })
            }
            Created::Replayed(ids) => Ok(Stored { ids, before: true }),
            Created::KeyReused => Err(Problem::key_reused()),
            Created::TooLarge { limit } => {
                Err(Problem::too_large("a payload that this database takes", limit))
            }
        }
    }

    /// A line for what was created, as long as that is little.
    fn tell_of(&self, ids: Ids) {
        let (first, events) = (ids.first(), ids.len());
        match self.lines.take(events) {
            0 => {}
            _ if events == 1 => info!(event.id = %first, "event {first} is created"),
            _ => info!(event.id = %first, events, "{events} events are created, from event {first} on"),
        }
    }
}

impl Stored {
    /// The answer, marked where it is the one to an earlier request, too.
    pub(super) fn mark(self, mut response: Response) -> Response {
        if self.before {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Creates an event and answers with its id.
#[utoipa::path(
    post,
    path = "/create-async",
    tag = "classic",
    params(EventOptions, Key),
    request_body(content = AnyJson, content_type = "application/json", description = "The event's payload"),
    responses(
        (status = 202, description = "The event is stored", body = CreatedBody, headers(
            ("Location" = String, description = "Where the event's value is read"),
            ("Idempotent-Replayed" = String, description = "`true` where the event was stored before, under the same key"),
        )),
        Invalid, Unstorable, Failures,
    )
)]
pub(super) async fn create_async(State(api): State<Shared>, One(order): One) -> Result<Response, Problem> {
    let stored = api.store(order).await?;
    Ok(stored.mark(created(stored.ids.first())))
}

/// Creates an event and answers with its value, once a consumer has given it one.
///
/// It waits as long as the client does, unless `Prefer` or the server set a limit. When that is reached, or when this
/// producer must end before, the answer is the one of `create-async`: the event is stored, and any producer knows its
/// value later.
#[utoipa::path(
    post,
    path = "/create-sync",
    tag = "classic",
    params(EventOptions, Key, Preference),
    request_body(content = AnyJson, content_type = "application/json", description = "The event's payload"),
    responses(
        (status = 201, description = "The event has its value", body = ValueBody, headers(
            ("Preference-Applied" = String, description = "The preferences that were heeded"),
            ("Idempotent-Replayed" = String, description = "`true` where the event was stored before, under the same key"),
        )),
        (status = 202, description = "The event is stored, and the wait is over", body = CreatedBody, headers(
            ("Location" = String, description = "Where the event's value is read"),
            ("Preference-Applied" = String, description = "The preferences that were heeded"),
            ("Idempotent-Replayed" = String, description = "`true` where the event was stored before, under the same key"),
        )),
        (status = 409, description = "The event was cancelled", body = problem::Body, content_type = "application/problem+json"),
        (status = 410, description = "The event was removed", body = problem::Body, content_type = "application/problem+json"),
        Invalid, Unstorable, Failures,
    )
)]
pub(super) async fn create_sync(
    State(api): State<Shared>,
    headers: HeaderMap,
    One(order): One,
) -> Result<Response, Problem> {
    let wait = Wait::of(&headers, api.limits.wait_seconds);
    // Who waits may wait for long, and be one of many.
    drop(headers);
    // In a box, for the same reason.
    let stored = Box::pin(api.store(order)).await?;
    let id = stored.ids.first();
    let mut response = match api.wait(stored, wait.limit).await {
        None => created(id),
        // Without memory for a large value, the client has to ask for it again: the event is stored.
        Some(Outcome::Done(valor)) => api
            .answer(StatusCode::CREATED, &ValueBody { valor }, Held::default())
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
    /// How an event ended; `None` when the wait is over before.
    async fn wait(&self, stored: Stored, limit: Option<std::time::Duration>) -> Option<Outcome> {
        if limit.is_some_and(|limit| limit.is_zero()) {
            return None;
        }
        let mut waiter = self.waiters.wait_for(stored.ids.first(), !stored.before);
        let over = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = waiter.outcome() => outcome,
            () = self.give_up.cancelled() => None,
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
