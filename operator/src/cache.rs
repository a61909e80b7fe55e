//! The object cache: every object that the operator created and every pod of those objects, fed by watches.
//!
//! Reconciliations read from this cache only. For each object it stores what a reconciliation needs: the owner, a
//! digest that detects changes by others, and the status. That takes a few hundred bytes, whatever the size
//! of the object.

mod fields;
mod kinds;
mod ownership;
mod record;
mod watch;
mod watches;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::core::ApiResource;

pub(crate) use fields::{digest, digest_of_ours};
pub(crate) use kinds::{DELETION_COST, Kind};
pub(crate) use ownership::{Whose, whose};
pub(crate) use record::Record;
pub(crate) use watches::{Need, Watched, Watches};

/// Namespace and name of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PipelineKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl PipelineKey {
    /// Returns the key of a pipeline.
    pub(crate) fn of(pipeline: &impl ResourceExt) -> Self {
        Self { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() }
    }
}

/// Kind and name of an object in the namespace of its pipeline.
pub(crate) type ObjectKey = (&'static str, String);

/// Objects of a pipeline.
pub(crate) type Objects = BTreeMap<ObjectKey, Arc<Record>>;

/// The objects of all pipelines.
#[derive(Debug, Default)]
pub(crate) struct ObjectCache {
    pipelines: Mutex<HashMap<PipelineKey, Objects>>,
    resources: Mutex<HashMap<&'static str, ApiResource>>,
    watches: Watches,
}

impl ObjectCache {
    /// Returns the objects in the namespace of the pipeline that carry its label, whoever owns them.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Objects {
        self.lock().get(pipeline).cloned().unwrap_or_default()
    }

    /// Returns the API resource of a watched kind.
    pub(crate) fn resource(&self, kind: &str) -> Option<ApiResource> {
        self.resources().get(kind).cloned()
    }

    /// Returns the health of the watches.
    pub(crate) fn watches(&self) -> &Watches {
        &self.watches
    }

    fn resources(&self) -> MutexGuard<'_, HashMap<&'static str, ApiResource>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores an object. Returns whether it differs from the one before.
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

    /// Returns the keys of all objects of a kind in the namespace, or in all namespaces.
    fn keys(&self, kind: &'static str, namespace: Option<&str>) -> Vec<(PipelineKey, ObjectKey)> {
        let pipelines = self.lock();
        let within = pipelines
            .iter()
            .filter(|(pipeline, _)| namespace.is_none_or(|namespace| pipeline.namespace == namespace));
        let all = within.flat_map(|(pipeline, objects)| {
            objects.keys().map(move |object| (pipeline.clone(), object.clone()))
        });
        all.filter(|(_, object)| object.0 == kind).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PipelineKey, Objects>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
