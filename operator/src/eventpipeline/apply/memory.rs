//! What was written for each pipeline, for what the cache can't tell.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::{ObjectKey, PipelineKey};

/// What was written, pipeline by pipeline.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pipelines: Mutex<HashMap<PipelineKey, Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// Secrets that are known to be there. They are never read, and so not watched.
    secrets: HashSet<String>,
    /// What was applied and what became of it: the API server may write a value in another way than we do.
    applied: HashMap<ObjectKey, Applied>,
    /// What others did and was undone, until that is told.
    put_right: Vec<PutRight>,
}

#[derive(Debug)]
struct Applied {
    digests: Digests,
    /// Whether the watch has shown it so. Before, what it shows may be from before it was applied.
    seen: bool,
}

/// What somebody did to an object, and was undone.
#[derive(Debug)]
pub(crate) struct PutRight {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) what: &'static str,
}

/// An object as the watch shows it, beside what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It is what it must be.
    Same,
    /// It was, and somebody has changed or deleted it since.
    Changed,
    /// It is not, or not known to be.
    Other,
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

    /// An object that is to be `wanted` is shown like `ours`; not at all, if that is none.
    pub(super) fn look(
        &self,
        pipeline: &PipelineKey,
        object: &ObjectKey,
        wanted: u64,
        ours: Option<u64>,
    ) -> Look {
        let mut pipelines = self.lock();
        let applied = &mut pipelines.entry(pipeline.clone()).or_default().applied;
        let before = applied.get_mut(object).filter(|before| before.digests.wanted == wanted);
        match (before, ours) {
            (Some(before), Some(ours)) if before.digests.ours == ours => {
                before.seen = true;
                Look::Same
            }
            (_, Some(ours)) if wanted == ours => {
                applied.insert(object.clone(), Applied { digests: Digests { wanted, ours }, seen: true });
                Look::Same
            }
            (Some(before), _) if before.seen => Look::Changed,
            _ => Look::Other,
        }
    }

    /// Whether an object that was applied with that digest looks like that.
    pub(in crate::eventpipeline) fn is_same(
        &self,
        pipeline: &PipelineKey,
        object: &ObjectKey,
        wanted: u64,
        ours: u64,
    ) -> bool {
        self.look(pipeline, object, wanted, Some(ours)) == Look::Same
    }

    /// An object was applied.
    pub(super) fn applied(&self, pipeline: &PipelineKey, object: ObjectKey, digests: Digests) {
        let applied = Applied { digests, seen: false };
        self.lock().entry(pipeline.clone()).or_default().applied.insert(object, applied);
    }

    /// What somebody did was undone.
    pub(super) fn put_right(&self, pipeline: &PipelineKey, undone: PutRight) {
        self.lock().entry(pipeline.clone()).or_default().put_right.push(undone);
    }

    /// What was undone since this was asked last.
    pub(crate) fn take_put_right(&self, pipeline: &PipelineKey) -> Vec<PutRight> {
        let mut pipelines = self.lock();
        pipelines.get_mut(pipeline).map(|written| std::mem::take(&mut written.put_right)).unwrap_or_default()
    }

    /// An object is not ours any more.
    pub(super) fn removed(&self, pipeline: &PipelineKey, object: &ObjectKey) {
        if let Some(written) = self.lock().get_mut(pipeline) {
            written.applied.remove(object);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_somebodys_once_ours_was_seen() {
        let (memory, pipeline) = (Memory::default(), PipelineKey { namespace: "a".into(), name: "b".into() });
        let object = ("Service", "c".to_owned());
        let look = |wanted, ours| memory.look(&pipeline, &object, wanted, ours);
        assert_eq!(look(1, None), Look::Other, "it is new");
        // The server writes it in its own way.
        memory.applied(&pipeline, object.clone(), Digests { wanted: 1, ours: 10 });
        assert_eq!(look(1, None), Look::Other, "the watch is late");
        assert_eq!(look(1, Some(10)), Look::Same);
        assert_eq!(look(1, Some(11)), Look::Changed);
        assert_eq!(look(1, None), Look::Changed, "it was deleted");
        memory.applied(&pipeline, object.clone(), Digests { wanted: 1, ours: 10 });
        assert_eq!(look(1, Some(11)), Look::Other, "the watch is late");
        assert_eq!(look(1, Some(10)), Look::Same);
        assert_eq!(look(2, Some(10)), Look::Other, "the author wants something else");
        assert_eq!(look(2, Some(2)), Look::Same, "as it is written");
        assert_eq!(look(2, Some(3)), Look::Changed);
        memory.removed(&pipeline, &object);
        assert_eq!(look(2, None), Look::Other);
    }
}
