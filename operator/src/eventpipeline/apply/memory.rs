//! What was written for each pipeline, for what the inventory can't tell.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::inventory::{ObjectKey, PipelineKey};

/// What was written, pipeline by pipeline.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pipelines: Mutex<HashMap<PipelineKey, Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// Secrets that are known to be there. They are never read, and so not watched.
    secrets: HashSet<String>,
    /// What was applied and what became of it, where the API server writes a value in another way than we do.
    applied: HashMap<ObjectKey, Digests>,
}

/// Of an object: as it was applied, and of what was ours in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) wanted: u64,
    pub(super) ours: u64,
}

impl Memory {
    pub(super) fn knows_secret(&self, pipeline: &PipelineKey, name: &str) -> bool {
        self.lock().get(pipeline).is_some_and(|written| written.secrets.contains(name))
    }

    pub(super) fn secret_is_there(&self, pipeline: &PipelineKey, name: String) {
        self.lock().entry(pipeline.clone()).or_default().secrets.insert(name);
    }

    /// Whether an object that was applied like this looks like that.
    pub(super) fn same(&self, pipeline: &PipelineKey, object: &ObjectKey, digests: Digests) -> bool {
        digests.wanted == digests.ours
            || self.lock().get(pipeline).and_then(|written| written.applied.get(object)) == Some(&digests)
    }

    /// Whether an object that was applied with that digest looks like that.
    pub(in crate::eventpipeline) fn is_same(
        &self,
        pipeline: &PipelineKey,
        object: &ObjectKey,
        wanted: u64,
        ours: u64,
    ) -> bool {
        self.same(pipeline, object, Digests { wanted, ours })
    }

    /// An object was applied.
    pub(super) fn applied(&self, pipeline: &PipelineKey, object: ObjectKey, digests: Digests) {
        if digests.wanted != digests.ours {
            self.lock().entry(pipeline.clone()).or_default().applied.insert(object, digests);
        }
    }

    /// Forgets the pipelines that are not known any more.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| known(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Written>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
