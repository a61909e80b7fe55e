//! `POST /create-async` and `POST /create-sync`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::EventId;
use serde::Serialize;

use crate::api::payload::Payload;
use crate::api::problem::Problem;
use crate::api::{Api, ValueBody};

/// `{"message": "Event created on demand", "id": N}`
#[derive(Debug, Serialize)]
struct CreatedBody {
    message: &'static str,
    id: i64,
}

/// Creates an event and answers with its id.
pub(super) async fn create_async(State(api): State<Api>, payload: Payload) -> Result<Response, Problem> {
    let id = api.create.ask(payload.into_event()).await?;
    Ok(created(id))
}

/// Creates an event and answers with its value, once a consumer has given it one. When this producer must end before
/// that, the answer is the one of `create-async`: the event is stored, and any producer knows its value later.
pub(super) async fn create_sync(State(api): State<Api>, payload: Payload) -> Result<Response, Problem> {
    let id = api.create.ask(payload.into_event()).await?;
    let mut waiter = api.waiters.wait_for(id);
    let valor = tokio::select! {
        valor = waiter.answer() => valor,
        () = api.give_up.cancelled() => None,
    };
    Ok(match valor {
        Some(valor) => (StatusCode::CREATED, ValueBody::json(valor)).into_response(),
        None => created(id),
    })
}

fn created(id: EventId) -> Response {
    let body = CreatedBody { message: "Event created on demand", id: id.get() };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
