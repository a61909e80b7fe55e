//! `GET /v1/stats`: the queue in figures.

use axum::Json;
use axum::extract::State;
use eventpipeline_database::Stats;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Shared;
use crate::api::openapi::Failures;
use crate::api::problem::Problem;

/// The queue in figures, all of one moment: `created` is the sum of all the other numbers of events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
pub(crate) struct StatsBody {
    /// Ever created.
    created: i64,
    /// To be processed now.
    pending: i64,
    /// To be processed later.
    scheduled: i64,
    /// With a consumer.
    processing: i64,
    /// With a value.
    done: i64,
    /// Given up after too many failures.
    dead: i64,
    /// Taken back.
    cancelled: i64,
    /// Ended, and removed since.
    removed: i64,
    /// How long the oldest of the pending ones has waited.
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

/// How many events there are, by state.
#[utoipa::path(
    get,
    path = "/v1/stats",
    operation_id = "read_stats",
    tag = "events",
    responses((status = 200, description = "The figures", body = StatsBody), Failures)
)]
pub(in crate::api) async fn read(State(api): State<Shared>) -> Result<Json<StatsBody>, Problem> {
    Ok(Json(api.requests.surveys.stats.ask(()).await?.into()))
}
