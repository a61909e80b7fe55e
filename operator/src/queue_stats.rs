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
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStats {
    /// Events that are due and not claimed.
    pub(crate) pending: i64,
    /// Events that are not yet due.
    pub(crate) scheduled: i64,
    /// Events that a consumer has claimed.
    pub(crate) processing: i64,
    /// Events that have a result.
    pub(crate) done: i64,
    /// Events whose attempts are exhausted.
    pub(crate) dead: i64,
    /// Time since the oldest pending event became due.
    pub(crate) oldest_pending_seconds: Option<f64>,
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
