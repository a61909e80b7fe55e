//! How the groups of all pipelines stand, between one reconcile and the next.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decide::Standing;
use crate::cache::PipelineKey;

type Groups = HashMap<String, Standing>;

/// How the groups stand. What another operator has to know when it takes over is in the pipelines' status.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pipelines: Mutex<HashMap<PipelineKey, Groups>>,
}

impl Memory {
    pub(super) fn standing(&self, pipeline: &PipelineKey, group: &str) -> Option<Standing> {
        self.lock().get(pipeline)?.get(group).copied()
    }

    pub(super) fn put(&self, pipeline: &PipelineKey, group: &str, standing: Standing) {
        self.lock().entry(pipeline.clone()).or_default().insert(group.to_owned(), standing);
    }

    pub(super) fn forget(&self, pipeline: &PipelineKey, group: &str) {
        if let Some(groups) = self.lock().get_mut(pipeline) {
            groups.remove(group);
        }
    }

    /// Forgets the pipelines that are not known any more.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| known(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Groups>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
