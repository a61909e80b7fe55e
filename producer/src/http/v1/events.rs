//! `/v1/events`: many events.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::EventId;
use serde::Serialize;
use utoipa::ToSchema;

use super::event_batch::EventBatch;
use super::event_body::EventBody;
use super::list::ListParameters;
use super::purge::PurgeParameters;
use crate::http::idempotency_key::KeyHeader;
use crate::http::openapi::{Failures, Invalid, NotCreated};
use crate::http::problem::Problem;
use crate::http::state::Shared;

/// The response to the creation of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedEvents)]
pub(in crate::http) struct CreatedBody {
    /// Ids of the events, in the order of the request.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<i64>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub(in crate::http) struct PageBody {
    events: Vec<EventBody>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required)]
    next: Option<String>,
}

/// The result of a purge.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Purged)]
pub(in crate::http) struct PurgedBody {
    /// Number of events that were removed.
    #[schema(minimum = 0, maximum = 512)]
    purged: usize,
    /// `true` if more events may match.
    more: bool,
}

/// Creates up to 1000 events, all or none.
///
/// The body is an event, an array of events, or one event per line (`application/x-ndjson`), and has at most 4 MiB.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "create_events",
    tag = "events",
    params(KeyHeader),
    request_body(content((EventBatch = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 202, description = "The events are stored", body = CreatedBody, headers(
            ("Idempotent-Replayed" = String, description = "`true` if an earlier request with the same key created the events"),
        )),
        Invalid, NotCreated, Failures,
    )
)]
pub(in crate::http) async fn create(
    State(api): State<Shared>,
    EventBatch(request): EventBatch,
) -> Result<Response, Problem> {
    let stored = api.store(request).await?;
    let ids = stored.ids.iter().map(EventId::get).collect();
    Ok(stored.mark((StatusCode::ACCEPTED, Json(CreatedBody { ids })).into_response()))
}

/// Lists events with all their fields, page by page. All events are ordered by id, and the events of a state by time.
///
/// A page of large events may be shorter than `limit`. On the last page, `next` is null.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list_events",
    tag = "events",
    params(ListParameters),
    responses((status = 200, description = "The page", body = PageBody), Invalid, Failures)
)]
pub(in crate::http) async fn list(
    State(api): State<Shared>,
    ListParameters(listing): ListParameters,
) -> Result<Response, Problem> {
    let page = api.requests.db.page(listing).await?;
    let body = PageBody {
        events: page.events.into_iter().map(EventBody::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    };
    api.json(StatusCode::OK, &body, page.permit)
}

/// Removes up to 512 finished events. Repeat it while `more` is true.
#[utoipa::path(
    delete,
    path = "/v1/events",
    operation_id = "purge_events",
    tag = "events",
    params(PurgeParameters),
    responses((status = 200, description = "The number of events removed", body = PurgedBody), Invalid, Failures)
)]
pub(in crate::http) async fn purge(
    State(api): State<Shared>,
    PurgeParameters(purge): PurgeParameters,
) -> Result<Json<PurgedBody>, Problem> {
    let removal = api.requests.db.purge(purge).await?;
    Ok(Json(PurgedBody { purged: removal.events, more: removal.more }))
}
