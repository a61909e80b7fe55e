//! `GET /` and `GET /{id}`.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use eventpipeline_database::EventId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Shared;
use crate::api::openapi::{Failures, Unknown};
use crate::api::problem::Problem;
use crate::memory::Held;

/// How many events there were.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Count)]
pub(super) struct CountBody {
    /// How many events were ever created.
    #[schema(minimum = 0)]
    events: i64,
}

/// The value of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Value)]
pub(super) struct ValueBody {
    /// What a consumer made of the event; empty while it is not processed.
    pub(super) valor: String,
}

/// The id in a path. Any other text is no event's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) EventId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        // What is not UTF-8 once decoded is rejected; it is no event's id either.
        let id = id.map_or_else(|_| "\u{fffd}".to_owned(), |Path(id)| id);
        parse_id(&id).map(Self).ok_or_else(|| Problem::event_not_found(&id))
    }
}

/// How many events were ever created.
#[utoipa::path(
    get,
    path = "/",
    tag = "classic",
    responses((status = 200, description = "The count", body = CountBody), Failures)
)]
pub(super) async fn count(State(api): State<Shared>) -> Result<Json<CountBody>, Problem> {
    let events = api.requests.reads.count.ask(()).await?;
    Ok(Json(CountBody { events }))
}

/// The value of an event; empty while it is not processed.
#[utoipa::path(
    get,
    path = "/{id}",
    tag = "classic",
    params(("id" = i64, Path, minimum = 1, description = "The event's id")),
    responses(
        (status = 200, description = "The value", body = ValueBody),
        Unknown,
        Failures,
    )
)]
pub(super) async fn value(State(api): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    match api.requests.reads.snapshot.ask(id).await? {
        Some(snapshot) => api.answer(StatusCode::OK, &ValueBody { valor: snapshot.valor }, Held::default()),
        None => Err(Problem::event_not_found(&id.to_string())),
    }
}

/// Digits only: what stands in a path is what stands in `Location`, so that `+7` and `007` are other resources.
fn parse_id(text: &str) -> Option<EventId> {
    let id: i64 = text.parse().ok()?;
    EventId::new(id).filter(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_way() {
        assert_eq!(parse_id("7"), EventId::new(7));
        assert_eq!(parse_id("9223372036854775807"), EventId::new(i64::MAX));
        for other in ["", "0", "-1", "+7", "007", " 7", "7.0", "seven", "9223372036854775808", "1e3"] {
            assert_eq!(parse_id(other), None, "{other:?}");
        }
    }
}
