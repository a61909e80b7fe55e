//! What is there: every object that the operator made and every pod of it, as the watches last showed them.
//!
//! Reconciles read only from here. Of an object it keeps what a reconcile asks: who owns it, whether it still is what
//! was applied, and its status. That is a few hundred bytes, whatever the size of the object.

mod fields;
mod follow;
mod ownership;
mod record;
mod watches;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::core::ApiResource;

pub(crate) use fields::{digest, digest_of_ours};
pub(crate) use ownership::{Whose, whose};
pub(crate) use record::{DELETION_COST, Kind, Record};
pub(crate) use watches::{Need, Watches};

/// Namespace and name of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PipelineKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl PipelineKey {
    /// Of a pipeline as it is there.
    pub(crate) fn of(pipeline: &impl ResourceExt) -> Self {
        Self { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() }
    }
}

/// Kind and name of an object in a pipeline's namespace.
pub(crate) type ObjectKey = (&'static str, String);

/// The objects of a pipeline.
pub(crate) type Objects = BTreeMap<ObjectKey, Arc<Record>>;

/// What is there.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pipelines: Mutex<HashMap<PipelineKey, Objects>>,
    followed: Mutex<HashMap<&'static str, ApiResource>>,
    watches: Watches,
}

impl Inventory {
    /// What carries the pipeline's label in its namespace, whoever owns it.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Objects {
        self.lock().get(pipeline).cloned().unwrap_or_default()
    }

    /// How objects of a followed kind are addressed.
    pub(crate) fn resource(&self, kind: &str) -> Option<ApiResource> {
        self.followed().get(kind).cloned()
    }

    /// How the watches are going.
    pub(crate) fn watches(&self) -> &Watches {
        &self.watches
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<&'static str, ApiResource>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, pipeline: PipelineKey, object: ObjectKey, record: Record) -> bool {
        let mut pipelines = self.lock();
        let objects = pipelines.entry(pipeline).or_default();
        if objects.get(&object).is_some_and(|before| **before == record) {
            return false;
        }
        objects.insert(object, Arc::new(record));
        true
    }

    fn remove(&self, pipeline: &PipelineKey, object: &ObjectKey) {
        let mut pipelines = self.lock();
        if let Some(objects) = pipelines.get_mut(pipeline) {
            objects.remove(object);
            if objects.is_empty() {
                pipelines.remove(pipeline);
            }
        }
    }

    /// Everything of the kind.
    fn keys(&self, kind: &'static str) -> Vec<(PipelineKey, ObjectKey)> {
        let pipelines = self.lock();
        let all = pipelines.iter().flat_map(|(pipeline, objects)| {
            objects.keys().map(move |object| (pipeline.clone(), object.clone()))
        });
        all.filter(|(_, object)| object.0 == kind).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Objects>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
