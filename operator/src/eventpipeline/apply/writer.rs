//! Writes one object after the other, each only if it is not what it must be.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use serde_json::Value;
use tracing::{debug, info};

use super::super::build::secrets::NewSecret;
use super::super::dereference::Existing;
use super::memory::{Digests, Look, Memory, PutRight};
use super::{Error, credentials};
use crate::api::Cluster;
use crate::inventory::{Inventory, Kind, ObjectKey, PipelineKey, digest, digest_of_ours};

pub(super) struct Writer<'a> {
    cluster: &'a Cluster,
    memory: &'a Memory,
    existing: &'a Existing,
    wanted: BTreeSet<ObjectKey>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(cluster: &'a Cluster, memory: &'a Memory, existing: &'a Existing) -> Self {
        Self { cluster, memory, existing, wanted: BTreeSet::new() }
    }

    /// The object as it is now. Applied, unless the watch shows that it is what it must be.
    pub(super) async fn one<K: Kind>(&mut self, object: &K) -> Result<K, Error> {
        let key = (K::NAME, object.name_any());
        self.wanted.insert(key.clone());
        let value = as_json(object)?;
        let (pipeline, wanted) = (&self.existing.key, digest(&value));
        let record = self.existing.objects.get(&key);
        let look = self.memory.look(pipeline, &key, wanted, record.map(|record| record.ours));
        if let (Look::Same, Some(record)) = (look, record) {
            return record.complete(value).map_err(Error::Json);
        }
        debug!(name = key.1, "applying {} {}", K::NAME, key.1);
        let applied = self.cluster.apply(object).await.map_err(Error::Write)?;
        if look == Look::Changed {
            self.put_right(K::NAME, &key.1, record.is_some());
        }
        let ours = digest_of_ours(&as_json(&applied)?);
        self.memory.applied(pipeline, key, Digests { wanted, ours });
        Ok(applied)
    }

    pub(super) async fn all<K: Kind>(&mut self, objects: &[K]) -> Result<Vec<K>, Error> {
        let mut applied = Vec::with_capacity(objects.len());
        for object in objects {
            applied.push(self.one(object).await?);
        }
        Ok(applied)
    }

    pub(super) async fn maybe<K: Kind>(&mut self, object: Option<&K>) -> Result<Option<K>, Error> {
        match object {
            Some(object) => self.one(object).await.map(Some),
            None => Ok(None),
        }
    }

    /// Creates the Secret unless it is there: what is in it is in use.
    ///
    /// Nobody tells when it is deleted. Pods that do without it are ready; one that is not is a reason to look.
    pub(super) async fn create(&self, secret: &NewSecret) -> Result<(), Error> {
        let name = secret.object.name_any();
        if self.memory.knows_secret(&self.existing.key, &name) && self.pods_are_ready() {
            return Ok(());
        }
        let data = credentials::make(&secret.content, Timestamp::now()).map_err(Error::Credentials)?;
        let secret = Secret { data: Some(data), ..secret.object.clone() };
        if self.cluster.create(&secret).await.map_err(Error::Write)? {
            info!(secret = name, "made the Secret {name}");
        }
        self.memory.secret_is_there(&self.existing.key, name);
        Ok(())
    }

    /// Says that what somebody did was undone.
    fn put_right(&self, kind: &'static str, name: &str, was_there: bool) {
        let Existing { key: PipelineKey { namespace, name: pipeline }, .. } = self.existing;
        let what = if was_there {
            "was changed, and is as the pipeline says again"
        } else {
            "was deleted, and is made again"
        };
        info!(%namespace, %pipeline, kind, name, "{kind} {namespace}/{name} {what}");
        self.memory.put_right(&self.existing.key, PutRight { kind, name: name.to_owned(), what });
    }

    fn pods_are_ready(&self) -> bool {
        self.existing.objects.iter().all(|((kind, _), record)| {
            if *kind == StatefulSet::NAME {
                let status = record.essence::<StatefulSet>().and_then(|stateful_set| stateful_set.status);
                status.is_some_and(|status| status.ready_replicas.unwrap_or_default() >= 1)
            } else if *kind == Deployment::NAME {
                let status = record.essence::<Deployment>().and_then(|deployment| deployment.status);
                status.is_some_and(|status| status.unavailable_replicas.unwrap_or_default() == 0)
            } else {
                true
            }
        })
    }

    /// Deletes what belongs to the pipeline and was not among the objects that were written.
    pub(super) async fn remove_all_others(&self, inventory: &Inventory) -> Result<(), Error> {
        let uid = self.existing.uid.as_deref();
        for (key, record) in &self.existing.objects {
            if self.wanted.contains(key) || !record.belongs_to(uid) {
                continue;
            }
            let (kind, name) = key;
            let Some(resource) = inventory.resource(kind) else { continue };
            info!(name, "deleting {kind} {name}");
            let namespace = &self.existing.key.namespace;
            self.cluster.delete(&resource, namespace, name, record.uid()).await.map_err(Error::Write)?;
            self.memory.removed(&self.existing.key, key);
        }
        Ok(())
    }
}

fn as_json(object: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(object).map_err(Error::Json)
}
