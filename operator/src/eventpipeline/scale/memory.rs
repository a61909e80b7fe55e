//! Remembers the scale of all groups between reconciliations.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decide::ScaleState;
use crate::cache::PipelineKey;

type Groups = HashMap<String, ScaleState>;

/// The scale of all groups. The status of a pipeline contains what another operator process needs after a
/// takeover.
#[derive(Debug, Default)]
pub(crate) struct ScaleMemory {
    pipelines: Mutex<HashMap<PipelineKey, Groups>>,
}

impl ScaleMemory {
    pub(super) fn state(&self, pipeline: &PipelineKey, group: &str) -> Option<ScaleState> {
        self.lock().get(pipeline)?.get(group).copied()
    }

    pub(super) fn put(&self, pipeline: &PipelineKey, group: &str, state: ScaleState) {
        self.lock().entry(pipeline.clone()).or_default().insert(group.to_owned(), state);
    }

    pub(super) fn forget(&self, pipeline: &PipelineKey, group: &str) {
        if let Some(groups) = self.lock().get_mut(pipeline) {
            groups.remove(group);
        }
    }

    /// Forgets pipelines that no longer exist.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| known(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Groups>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
