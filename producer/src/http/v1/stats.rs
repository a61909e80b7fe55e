//! `GET /v1/stats`: queue statistics.

use axum::Json;
use axum::extract::State;
use eventpipeline_database::Stats;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::Failures;
use crate::http::problem::Problem;
use crate::http::state::Shared;

/// Queue statistics at one point in time. `created` is the sum of all other event counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
pub(crate) struct StatsBody {
    /// Events ever created.
    created: i64,
    /// Events that can be processed now.
    pending: i64,
    /// Events that will be pending later.
    scheduled: i64,
    /// Events that consumers have claimed.
    processing: i64,
    /// Events with a value.
    done: i64,
    /// Events that exhausted their attempts.
    dead: i64,
    /// Events that were cancelled.
    cancelled: i64,
    /// Finished events that were removed.
    removed: i64,
    /// Age of the oldest pending event.
    #[schema(required)]
    oldest_pending_seconds: Option<f64>,
}

impl From<Stats> for StatsBody {
    fn from(stats: Stats) -> Self {
        let Stats { created, pending, scheduled, processing, done, dead, cancelled, removed, oldest_pending } =
            stats;
        let oldest_pending_seconds = oldest_pending.map(|age| age.as_secs_f64());
        Self {
            created,
            pending,
            scheduled,
            processing,
            done,
            dead,
            cancelled,
            removed,
            oldest_pending_seconds,
        }
    }
}

/// Counts the events by state.
#[utoipa::path(
    get,
    path = "/v1/stats",
    operation_id = "read_stats",
    tag = "events",
    responses((status = 200, description = "The statistics", body = StatsBody), Failures)
)]
pub(in crate::http) async fn read(State(api): State<Shared>) -> Result<Json<StatsBody>, Problem> {
    Ok(Json(api.requests.db.stats().await?.into()))
}
