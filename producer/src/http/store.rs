//! Stores the events of a request.

use axum::http::HeaderValue;
use axum::response::Response;
use eventpipeline_database::{Created, Ids};
use tracing::info;

use super::headers::IDEMPOTENT_REPLAYED;
use super::problem::Problem;
use super::state::Api;
use crate::error::Unavailable;
use crate::tasks::CreateRequest;

/// The stored events of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) ids: Ids,
    /// `true` if an earlier request with the same key created the events.
    pub(super) replayed: bool,
}

impl Api {
    /// Stores the events of a request, unless the storage is full.
    pub(super) async fn store(&self, request: CreateRequest) -> Result<Stored, Problem> {
        self.storage.admit().map_err(Unavailable::Full)?;
        match self.requests.create.ask(request).await? {
            Created::New(ids) => {
                self.log(ids);
                Ok(Stored { ids, replayed: false })
            }
            Created::Replayed(ids) => Ok(Stored { ids, replayed: true }),
            Created::KeyReused => Err(Problem::key_reused()),
            Created::NoKeys => Err(Problem::no_keys()),
            Created::TooLarge { limit } => {
                Err(Problem::too_large("a payload (limited by the database's max_allowed_packet)", limit))
            }
        }
    }

    fn log(&self, ids: Ids) {
        let (first, events) = (ids.first(), ids.len());
        match self.lines.take(events) {
            0 => {}
            _ if events == 1 => info!(event.id = %first, "event {first} created"),
            _ => info!(event.id = %first, events, "{events} events created, starting with event {first}"),
        }
    }
}

impl Stored {
    /// Marks the response if an earlier request created the events.
    pub(super) fn mark(self, mut response: Response) -> Response {
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
