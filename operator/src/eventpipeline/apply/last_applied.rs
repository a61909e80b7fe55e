//! Remembers what was applied, so that an object that is up to date costs no call.
//!
//! The API server may store a value in another form than the operator sends it, for example a quantity. The
//! operator therefore can't compare a stored object with the desired one. Instead it keeps two digests for
//! each apply: that of the desired object, and that of the fields it owned in the server's response. An object
//! is up to date while the desired digest is the same and the watch shows the same owned fields. A steady
//! pipeline is reconciled without any request.
//!
//! This memory may be lost: after a restart the operator applies every object once more.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::{ObjectKey, PipelineKey};

/// The last apply of each object of each pipeline.
#[derive(Debug, Default)]
pub(crate) struct LastApplied {
    pipelines: Mutex<HashMap<PipelineKey, Pipeline>>,
}

#[derive(Debug, Default)]
struct Pipeline {
    /// Secrets that are known to exist. They are never read, and so not watched.
    secrets: HashSet<String>,
    objects: HashMap<ObjectKey, Apply>,
    /// Reverted changes that no Event has reported yet.
    reverted: Vec<Reverted>,
}

#[derive(Debug)]
struct Apply {
    digests: Digests,
    /// True if the watch has shown the result. Until then it may show the object as it was before the apply.
    observed: bool,
}

/// A change by another client that was reverted.
#[derive(Debug)]
pub(crate) struct Reverted {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) what: &'static str,
}

/// An object in the object cache compared with the desired object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// The object is as desired.
    UpToDate,
    /// The object was up to date, and another client has changed or deleted it since.
    Drifted,
    /// The desired object has changed, or the watch has not shown the last apply yet.
    Stale,
}

/// Digests of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digests {
    /// Digest of the object as it was sent.
    pub(super) desired: u64,
    /// Digest of the fields that the operator owned in the response.
    pub(super) owned: u64,
}

impl LastApplied {
    pub(super) fn knows_secret(&self, pipeline: &PipelineKey, name: &str) -> bool {
        self.lock().get(pipeline).is_some_and(|known| known.secrets.contains(name))
    }

    pub(super) fn secret_exists(&self, pipeline: &PipelineKey, name: String) {
        self.lock().entry(pipeline.clone()).or_default().secrets.insert(name);
    }

    /// Compares the desired object with the existing one. `owned` is `None` if the object does not exist.
    pub(super) fn freshness(
        &self,
        pipeline: &PipelineKey,
        object: &ObjectKey,
        desired: u64,
        owned: Option<u64>,
    ) -> Freshness {
        let mut pipelines = self.lock();
        let objects = &mut pipelines.entry(pipeline.clone()).or_default().objects;
        let last = objects.get_mut(object).filter(|last| last.digests.desired == desired);
        match (last, owned) {
            (Some(last), Some(owned)) if last.digests.owned == owned => {
                last.observed = true;
                Freshness::UpToDate
            }
            (_, Some(owned)) if desired == owned => {
                let digests = Digests { desired, owned };
                objects.insert(object.clone(), Apply { digests, observed: true });
                Freshness::UpToDate
            }
            (Some(last), _) if last.observed => Freshness::Drifted,
            _ => Freshness::Stale,
        }
    }

    /// Returns whether an existing object with these owned fields is up to date.
    pub(in crate::eventpipeline) fn is_up_to_date(
        &self,
        pipeline: &PipelineKey,
        object: &ObjectKey,
        desired: u64,
        owned: u64,
    ) -> bool {
        self.freshness(pipeline, object, desired, Some(owned)) == Freshness::UpToDate
    }

    /// Records an apply.
    pub(super) fn applied(&self, pipeline: &PipelineKey, object: ObjectKey, digests: Digests) {
        let apply = Apply { digests, observed: false };
        self.lock().entry(pipeline.clone()).or_default().objects.insert(object, apply);
    }

    /// Records a reverted change.
    pub(super) fn reverted(&self, pipeline: &PipelineKey, reverted: Reverted) {
        self.lock().entry(pipeline.clone()).or_default().reverted.push(reverted);
    }

    /// Returns the changes that were reverted since the last call.
    pub(crate) fn take_reverted(&self, pipeline: &PipelineKey) -> Vec<Reverted> {
        let mut pipelines = self.lock();
        pipelines.get_mut(pipeline).map(|known| std::mem::take(&mut known.reverted)).unwrap_or_default()
    }

    /// Forgets an object that was deleted.
    pub(super) fn removed(&self, pipeline: &PipelineKey, object: &ObjectKey) {
        if let Some(known) = self.lock().get_mut(pipeline) {
            known.objects.remove(object);
        }
    }

    /// Forgets pipelines that no longer exist.
    pub(crate) fn retain(&self, exists: impl Fn(&PipelineKey) -> bool) {
        self.lock().retain(|pipeline, _| exists(pipeline));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Pipeline>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_drifts_only_after_the_watch_has_shown_its_apply() {
        let pipeline = PipelineKey { namespace: "a".into(), name: "b".into() };
        let (memory, object) = (LastApplied::default(), ("Service", "c".to_owned()));
        let freshness = |desired, owned| memory.freshness(&pipeline, &object, desired, owned);
        assert_eq!(freshness(1, None), Freshness::Stale, "the object is new");
        // The server stores it in another form.
        memory.applied(&pipeline, object.clone(), Digests { desired: 1, owned: 10 });
        assert_eq!(freshness(1, None), Freshness::Stale, "the watch is late");
        assert_eq!(freshness(1, Some(10)), Freshness::UpToDate);
        assert_eq!(freshness(1, Some(11)), Freshness::Drifted);
        assert_eq!(freshness(1, None), Freshness::Drifted, "the object was deleted");
        memory.applied(&pipeline, object.clone(), Digests { desired: 1, owned: 10 });
        assert_eq!(freshness(1, Some(11)), Freshness::Stale, "the watch is late");
        assert_eq!(freshness(1, Some(10)), Freshness::UpToDate);
        assert_eq!(freshness(2, Some(10)), Freshness::Stale, "the spec has changed");
        assert_eq!(freshness(2, Some(2)), Freshness::UpToDate, "the object is stored as it is sent");
        assert_eq!(freshness(2, Some(3)), Freshness::Drifted);
        memory.removed(&pipeline, &object);
        assert_eq!(freshness(2, None), Freshness::Stale);
    }
}
