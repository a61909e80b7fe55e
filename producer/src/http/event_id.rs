//! The id of an event in a path.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use eventpipeline_database::EventId;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, Required};

use super::openapi;
use super::problem::Problem;

/// The id in a path. Any other text is answered with 404.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathId(pub(super) EventId);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        // The extractor rejects text that is not UTF-8.
        let id = id.map_or_else(|_| "\u{fffd}".to_owned(), |Path(id)| id);
        parse(&id).map(Self).ok_or_else(|| Problem::event_not_found(&id))
    }
}

impl IntoParams for PathId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = openapi::integer(KnownFormat::Int64, 1, None);
        vec![openapi::parameter(ParameterIn::Path, "id", Required::True, "The event's id", schema)]
    }
}

/// Parses digits as in `Location`. Each event has one path: `+7` and `007` are not event 7.
fn parse(text: &str) -> Option<EventId> {
    let id: i64 = text.parse().ok()?;
    EventId::new(id).filter(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(parse("7"), EventId::new(7));
        assert_eq!(parse("9223372036854775807"), EventId::new(i64::MAX));
        for other in ["", "0", "-1", "+7", "007", " 7", "7.0", "seven", "9223372036854775808", "1e3"] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}
