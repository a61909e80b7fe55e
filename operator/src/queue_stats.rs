//! Statistics of the pipelines' queues, polled from their producers.
//!
//! A separate task asks one ready producer of each pipeline periodically. Reconciliations use the last response and
//! never wait for one.

mod poller;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;

pub(crate) use poller::{StatsPoller, run};

use crate::cache::PipelineKey;

/// Number of events by state.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStats {
    /// Events that are due and not claimed.
    pub(crate) pending: i64,
    /// Events that are not yet due.
    pub(crate) scheduled: i64,
    /// Events that wait for earlier events of their keys. Zero if the producer knows no keys.
    #[serde(default)]
    pub(crate) blocked: i64,
    /// Events that a consumer has claimed.
    pub(crate) processing: i64,
    /// Events that have a result.
    pub(crate) done: i64,
    /// Events whose attempts are exhausted.
    pub(crate) dead: i64,
    /// Time since the oldest pending event became due.
    pub(crate) oldest_pending_seconds: Option<f64>,
    /// Pending events by lane. Empty if the producer knows no lanes.
    #[serde(default)]
    pub(crate) lanes: Vec<LaneStats>,
    /// Types of the first pending events of each lane. Empty if the producer knows no types.
    #[serde(default)]
    pub(crate) types: Vec<TypeStats>,
}

/// Pending events of a lane.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LaneStats {
    /// Name of the lane; `None` for the default lane.
    pub(crate) lane: Option<String>,
    /// Events that are due and not claimed.
    pub(crate) pending: i64,
    /// Time since the oldest pending event became due.
    pub(crate) oldest_pending_seconds: Option<f64>,
}

/// Pending events of a type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypeStats {
    /// The type; `None` for events without a type.
    #[serde(rename = "type")]
    pub(crate) type_: Option<String>,
    /// Name of the lane in which they wait; `None` for the default lane.
    pub(crate) lane: Option<String>,
    /// Number of those among the first pending events of the lane.
    pub(crate) pending: i64,
}

/// Storage for events.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Storage {
    /// Producers refuse creations.
    pub(crate) refusing: bool,
    /// Space on the volume, if known.
    #[serde(flatten)]
    pub(crate) space: Option<Space>,
    /// Estimated time until producers refuse creations. `None` if no such time is foreseeable.
    pub(crate) seconds_to_full: Option<i64>,
}

/// Space on the volume, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON names contain the unit")]
pub(crate) struct Space {
    pub(crate) capacity_bytes: i64,
    /// Free on the volume.
    pub(crate) free_bytes: i64,
    /// Free inside the tablespace of the events.
    pub(crate) reusable_bytes: i64,
    /// Minimum of `free_bytes` and `reusable_bytes` together. Below it, producers refuse creations.
    pub(crate) required_bytes: i64,
}

/// Reason why statistics are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    /// No producer could be asked.
    #[error("no producer is ready")]
    NoProducer,
    /// None of the producers asked gave a usable answer.
    #[error("no producer returned queue statistics: {0}")]
    NoAnswer(String),
}

/// Result of polling a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    pub(crate) at: Timestamp,
    pub(crate) queue: Result<QueueStats, Unknown>,
    pub(crate) storage: Result<Storage, Unknown>,
    /// A producer reports that the database schema is older than it requires.
    pub(crate) schema_is_old: bool,
}

/// The last observation of each pipeline.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    observations: Mutex<HashMap<PipelineKey, Observation>>,
}

impl Observations {
    /// Returns the last observation, or `None` if the pipeline was not polled yet.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Option<Observation> {
        self.lock().get(pipeline).cloned()
    }

    fn put(&self, pipeline: PipelineKey, observation: Observation) {
        self.lock().insert(pipeline, observation);
    }

    /// Drops the observations of pipelines that no longer exist.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| known(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Observation>> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_reports_lanes_and_types_or_neither() {
        let totals = r#""pending": 5, "scheduled": 1, "processing": 0, "done": 7, "dead": 0, "oldestPendingSeconds": 2.5"#;
        let older: QueueStats = serde_json::from_str(&format!("{{{totals}}}")).unwrap();
        assert_eq!((older.pending, older.lanes, older.types), (5, Vec::new(), Vec::new()));

        let page = format!(
            r#"{{{totals},
            "lanes": [{{"lane": null, "pending": 3, "scheduled": 0, "oldestPendingSeconds": 1.5}},
                      {{"lane": "fast", "pending": 2, "scheduled": 1, "oldestPendingSeconds": null}}],
            "types": [{{"type": "order.deleted", "lane": null, "pending": 2, "oldestPendingSeconds": 0.5}},
                      {{"type": null, "lane": "fast", "pending": 1, "oldestPendingSeconds": 0.5}}]}}"#
        );
        let stats: QueueStats = serde_json::from_str(&page).unwrap();
        let lane = |lane: Option<&str>, pending, oldest_pending_seconds| LaneStats {
            lane: lane.map(str::to_owned),
            pending,
            oldest_pending_seconds,
        };
        assert_eq!(stats.lanes, [lane(None, 3, Some(1.5)), lane(Some("fast"), 2, None)]);
        let of = |type_: Option<&str>, lane: Option<&str>, pending| TypeStats {
            type_: type_.map(str::to_owned),
            lane: lane.map(str::to_owned),
            pending,
        };
        assert_eq!(stats.types, [of(Some("order.deleted"), None, 2), of(None, Some("fast"), 1)]);
    }
}
