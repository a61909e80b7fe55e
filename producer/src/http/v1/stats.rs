//! `GET /v1/stats`: queue statistics.

use axum::Json;
use axum::extract::State;
use eventpipeline_database::{LaneStats, Stats, TypeStats};
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
    /// Events that wait for earlier events of their keys.
    blocked: i64,
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
    /// The lanes in which events wait, the default one first.
    lanes: Vec<LaneBody>,
    /// The types of the first 1000 pending events of each lane.
    types: Vec<TypeBody>,
}

/// Statistics of a lane.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LaneStats)]
struct LaneBody {
    /// Name of the lane, or null for the lane of events that no group of consumers selects by their type.
    #[schema(required)]
    lane: Option<String>,
    /// Events that can be processed now.
    pending: i64,
    /// Events that will be pending later.
    scheduled: i64,
    /// Age of the oldest pending event.
    #[schema(required)]
    oldest_pending_seconds: Option<f64>,
}

/// Statistics of a type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TypeStats)]
struct TypeBody {
    /// The type, or null for events without one.
    #[serde(rename = "type")]
    #[schema(rename = "type", required)]
    event_type: Option<String>,
    /// Name of the lane, or null for the default lane.
    #[schema(required)]
    lane: Option<String>,
    /// Pending events of the type among the first 1000 of the lane.
    pending: i64,
    /// Age of the oldest one.
    oldest_pending_seconds: f64,
}

impl From<LaneStats> for LaneBody {
    fn from(LaneStats { lane, pending, scheduled, oldest_pending }: LaneStats) -> Self {
        let oldest_pending_seconds = oldest_pending.map(|age| age.as_secs_f64());
        Self { lane, pending, scheduled, oldest_pending_seconds }
    }
}

impl From<TypeStats> for TypeBody {
    fn from(TypeStats { event_type, lane, pending, oldest_pending }: TypeStats) -> Self {
        Self { event_type, lane, pending, oldest_pending_seconds: oldest_pending.as_secs_f64() }
    }
}

impl From<Stats> for StatsBody {
    fn from(stats: Stats) -> Self {
        let Stats {
            created,
            pending,
            scheduled,
            blocked,
            processing,
            done,
            dead,
            cancelled,
            removed,
            oldest_pending,
            lanes,
            types,
        } = stats;
        let oldest_pending_seconds = oldest_pending.map(|age| age.as_secs_f64());
        Self {
            created,
            pending,
            scheduled,
            blocked,
            processing,
            done,
            dead,
            cancelled,
            removed,
            oldest_pending_seconds,
            lanes: lanes.into_iter().map(LaneBody::from).collect(),
            types: types.into_iter().map(TypeBody::from).collect(),
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
