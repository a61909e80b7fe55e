//! `GET /` and `GET /{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::event_id::PathId;
use crate::http::openapi::{Failures, NotFound};
use crate::http::problem::Problem;
use crate::http::state::Shared;
use crate::memory_budget::MemoryPermit;

/// The number of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Count)]
pub(in crate::http) struct CountBody {
    /// Number of events ever created.
    #[schema(minimum = 0)]
    events: i64,
}

/// The value of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Value)]
pub(in crate::http) struct ValueBody {
    /// The consumer's result, or an empty string while the event is not processed.
    pub(super) valor: String,
}

/// Returns the number of events ever created.
#[utoipa::path(
    get,
    path = "/",
    tag = "classic",
    responses((status = 200, description = "The number of events", body = CountBody), Failures)
)]
pub(in crate::http) async fn count(State(api): State<Shared>) -> Result<Json<CountBody>, Problem> {
    let events = api.requests.reads.count.ask(()).await?;
    Ok(Json(CountBody { events }))
}

/// Returns the value of an event, which is empty while the event is not processed.
#[utoipa::path(
    get,
    path = "/{id}",
    tag = "classic",
    params(PathId),
    responses((status = 200, description = "The value", body = ValueBody), NotFound, Failures)
)]
pub(in crate::http) async fn value(
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    match api.requests.reads.snapshot.ask(id).await? {
        Some(snapshot) => {
            api.json(StatusCode::OK, &ValueBody { valor: snapshot.valor }, MemoryPermit::default())
        }
        None => Err(Problem::event_not_found(&id.to_string())),
    }
}
