//! `GET /` and `GET /{id}`.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use eventpipeline_database::EventId;
use serde::Serialize;

use crate::api::problem::Problem;
use crate::api::{Api, ValueBody};

/// `{"events": N}`
#[derive(Debug, Serialize)]
pub(super) struct CountBody {
    events: i64,
}

/// How many events were ever created.
pub(super) async fn count(State(api): State<Api>) -> Result<Json<CountBody>, Problem> {
    let events = api.count.ask(()).await?;
    Ok(Json(CountBody { events }))
}

/// The value of an event; empty while it is not processed.
pub(super) async fn event(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ValueBody>, Problem> {
    // What is not UTF-8 once decoded is rejected; it is no event's id either.
    let id = id.map_or_else(|_| "\u{fffd}".to_owned(), |Path(id)| id);
    let id = parse_id(&id).ok_or_else(|| Problem::event_not_found(&id))?;
    match api.event.ask(id).await? {
        Some(snapshot) => Ok(ValueBody::json(snapshot.valor)),
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
