//! The queues of the pipelines in figures, as their producers tell them.
//!
//! A task of its own asks, again and again, one ready producer of each pipeline. Reconciles take what was last answered
//! and wait for nobody.

mod round;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;

pub(crate) use round::{Rounds, run};

use crate::inventory::PipelineKey;

/// How many events there are.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Queue {
    /// To be processed now.
    pub(crate) pending: i64,
    /// With a consumer.
    pub(crate) processing: i64,
    /// With a value.
    pub(crate) done: i64,
    /// Given up.
    pub(crate) dead: i64,
    /// How long the oldest of the pending ones has waited.
    pub(crate) oldest_pending_seconds: Option<f64>,
}

/// The room for events.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Storage {
    /// Whether creations are refused.
    pub(crate) refusing: bool,
    /// None where it is not known.
    #[serde(flatten)]
    pub(crate) room: Option<Room>,
    /// Until creations will be refused; none while that is not in sight.
    pub(crate) seconds_to_full: Option<i64>,
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the unit is in the names of the JSON")]
pub(crate) struct Room {
    pub(crate) capacity_bytes: i64,
    /// On the volume.
    pub(crate) free_bytes: i64,
    /// In the events' tablespace.
    pub(crate) reusable_bytes: i64,
    /// What has to be free of both together.
    pub(crate) required_bytes: i64,
}

/// Why a queue is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    /// Nobody to ask.
    #[error("no producer is ready")]
    NoProducer,
    /// None of those who were asked said it.
    #[error("no producer tells its figures: {0}")]
    NoAnswer(String),
}

/// What was seen of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    pub(crate) at: Timestamp,
    pub(crate) queue: Result<Queue, Unknown>,
    pub(crate) storage: Result<Storage, Unknown>,
    /// Whether a producer says that the database lacks the schema that it needs.
    pub(crate) schema_is_old: bool,
}

/// The last observation of each pipeline.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    observations: Mutex<HashMap<PipelineKey, Observation>>,
}

impl Figures {
    /// None: nobody was asked yet.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Option<Observation> {
        self.lock().get(pipeline).cloned()
    }

    fn put(&self, pipeline: PipelineKey, observation: Observation) {
        self.lock().insert(pipeline, observation);
    }

    /// Forgets the pipelines that are not known any more.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| known(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Observation>> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
