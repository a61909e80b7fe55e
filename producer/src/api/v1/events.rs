//! `/v1/events`: many events.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::{EventId, Listing};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Shared;
use crate::api::openapi::{Failures, Invalid, Key, Unstorable};
use crate::api::order::Several;
use crate::api::problem::Problem;
use crate::api::query::{Query, number};
use crate::api::v1::batch::Events;
use crate::api::v1::shape::{EventBody, StateBody};
use crate::changer::Purge;

/// How many events a page has, unless the client says.
const PAGE: usize = 100;
/// A century: what is older than that is older than the oldest event.
const OLDEST_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

/// Events that were created.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedEvents)]
pub(in crate::api) struct IdsBody {
    /// Their ids, in the order of the request.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<i64>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub(in crate::api) struct PageBody {
    events: Vec<EventBody>,
    /// The `cursor` of the next page; null where there is none.
    #[schema(required)]
    next: Option<String>,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Purged)]
pub(in crate::api) struct PurgedBody {
    /// How many events were removed.
    #[schema(minimum = 0, maximum = 512)]
    purged: usize,
    /// Whether there may be more to remove.
    more: bool,
}

/// The states in which an event can be removed.
#[derive(ToSchema)]
#[schema(as = FinishedState, rename_all = "lowercase")]
#[expect(dead_code, reason = "a description of the database's states")]
enum FinishedBody {
    Done,
    Dead,
    Cancelled,
}

/// Creates up to a thousand events, all or none.
///
/// The body is an event, an array of events, or one event a line (`application/x-ndjson`), and has at most 4 MiB.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "create_events",
    tag = "events",
    params(Key),
    request_body(content((Events = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 202, description = "The events are stored", body = IdsBody, headers(
            ("Idempotent-Replayed" = String, description = "`true` where the events were stored before, under the same key"),
        )),
        Invalid, Unstorable, Failures,
    )
)]
pub(in crate::api) async fn create(
    State(api): State<Shared>,
    Several(order): Several,
) -> Result<Response, Problem> {
    let stored = api.store(order).await?;
    let ids = stored.ids.iter().map(EventId::get).collect();
    Ok(stored.mark((StatusCode::ACCEPTED, Json(IdsBody { ids })).into_response()))
}

/// Events in full, page by page: all in the order of their ids, or those of a state in the order of their time.
///
/// A page may be shorter than `limit` where events are large; the last one is that whose `next` is null.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list_events",
    tag = "events",
    params(
        ("state" = inline(Option<StateBody>), Query, description = "Only events in this state"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "How many events the page has at the most; 100 unless said"),
        ("cursor" = Option<String>, Query, pattern = "^[0-9]{1,17}-[1-9][0-9]{0,17}$", description = "Where the page begins: `next` of the page before"),
    ),
    responses((status = 200, description = "The page", body = PageBody), Invalid, Failures)
)]
pub(in crate::api) async fn list(State(api): State<Shared>, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let states = "pending, processing, done, dead or cancelled";
    let state = query.take("state", states, |text| text.parse().ok())?;
    let limit = query.take("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(PAGE);
    let after = query.take("cursor", "`next` of the page before", |text| text.parse().ok())?;
    query.nothing_else("state, limit and cursor")?;
    let page = api.requests.surveys.page.ask(Listing { state, after, limit }).await?;
    let body = PageBody {
        events: page.events.into_iter().map(EventBody::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    };
    api.answer(StatusCode::OK, &body, page.held)
}

/// Removes events that ended long ago: up to 512 of them. Repeat it while `more` is true.
#[utoipa::path(
    delete,
    path = "/v1/events",
    operation_id = "purge_events",
    tag = "events",
    params(
        ("state" = inline(FinishedBody), Query, description = "Only events in this state"),
        ("olderThanSeconds" = u64, Query, minimum = 0, maximum = 3_162_240_000_u64, description = "Only events that ended at least so long ago"),
    ),
    responses((status = 200, description = "What was removed", body = PurgedBody), Invalid, Failures)
)]
pub(in crate::api) async fn purge(State(api): State<Shared>, uri: Uri) -> Result<Json<PurgedBody>, Problem> {
    let mut query = Query::of(&uri);
    let finished = query.require("state", "done, dead or cancelled", |text| text.parse().ok())?;
    let expected = format!("a whole number of seconds, up to {OLDEST_SECONDS}");
    let seconds = query.require("olderThanSeconds", &expected, |text| {
        number(text).filter(|seconds| *seconds <= OLDEST_SECONDS)
    })?;
    query.nothing_else("state and olderThanSeconds")?;
    let purge = Purge { finished, older_than: Duration::from_secs(seconds) };
    let removal = api.requests.changes.purge.ask(purge).await?;
    Ok(Json(PurgedBody { purged: removal.events, more: removal.more }))
}

fn limit(text: &str) -> Option<usize> {
    number(text).filter(|limit| (1..=Listing::LARGEST).contains(limit))
}
