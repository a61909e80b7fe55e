//! Writes one object after the other, each only if it is not what it must be.
//!
//! An object that can't be written is noted, and the others are written all the same, but for those that need it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tracing::{debug, info};

use super::super::build::meta::VOLUME;
use super::super::build::secrets::NewSecret;
use super::super::dereference::Existing;
use super::failures::{Failure, Failures, Why};
use super::memory::{Digests, Look, Memory, PutRight};
use super::names::{Names, Standing};
use super::{Error, credentials};
use crate::api::{self, Cluster, Target, Verdict};
use crate::cache::{Kind, ObjectCache, ObjectKey, PipelineKey, Record, digest, digest_of_ours};
use crate::labels::{COMPONENT, Component};

/// Objects of that kind and component, which an object needs.
pub(super) type Need = (&'static str, Component);

pub(super) struct Writer<'a> {
    cluster: &'a Cluster,
    memory: &'a Memory,
    existing: &'a Existing,
    names: Names<'a>,
    wanted: BTreeSet<ObjectKey>,
    failures: Vec<Failure>,
    /// Objects that are not there, although they are wanted, with their component.
    missing: Vec<(ObjectKey, Option<String>)>,
    /// Why no further call is made.
    away: Option<api::Error>,
    /// Whether a call has run into its time limit: the second ends all, for other reconciles wait.
    late: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        memory: &'a Memory,
        existing: &'a Existing,
        names: Names<'a>,
    ) -> Self {
        Self {
            cluster,
            memory,
            existing,
            names,
            wanted: BTreeSet::new(),
            failures: Vec::new(),
            missing: Vec::new(),
            away: None,
            late: false,
        }
    }

    /// The object as it is now. Applied, unless the watch shows that it is what it must be; as it was, where it can't be
    /// written or something that it needs is not there.
    pub(super) async fn one<K: Kind>(&mut self, object: &K, needs: &[Need]) -> K {
        let key = (K::NAME, object.name_any());
        self.wanted.insert(key.clone());
        let standing = self.names.take(&key);
        if self.away.is_none() && !self.lacks(needs) {
            match self.write(&key, object, standing).await {
                Ok(written) => return written,
                Err(why) => self.failed(&key, component(object), why),
            }
        }
        let record = self.record(&key);
        let as_it_was = record.and_then(|record| record.complete(as_json(object).ok()?).ok());
        if as_it_was.is_none() {
            self.missing.push((key, component(object)));
        }
        as_it_was.unwrap_or_else(|| object.clone())
    }

    pub(super) async fn all<K: Kind>(&mut self, objects: &[K], needs: &[Need]) -> Vec<K> {
        let mut applied = Vec::with_capacity(objects.len());
        for object in objects {
            applied.push(self.one(object, needs).await);
        }
        applied
    }

    pub(super) async fn maybe<K: Kind>(&mut self, object: Option<&K>, needs: &[Need]) -> Option<K> {
        match object {
            Some(object) => Some(self.one(object, needs).await),
            None => None,
        }
    }

    /// The object, as far as the API server knows its kind.
    pub(super) async fn if_served<K: Kind>(&mut self, object: Option<&K>, needs: &[Need]) -> Option<K> {
        let written = self.maybe(object, needs).await?;
        let is_unknown = |failure: &Failure| {
            failure.object.0 == K::NAME && matches!(&failure.why, Why::Call(error) if error.not_served())
        };
        if self.failures.iter().any(is_unknown) {
            self.failures.retain(|failure| !is_unknown(failure));
            self.missing.retain(|(key, _)| key.0 != K::NAME);
            return None;
        }
        Some(written)
    }

    /// The schema Job. One that ran for another volume has done nothing for this one: it makes place for a new one, at
    /// the next reconcile.
    pub(super) async fn schema_job(&mut self, job: &Job, needs: &[Need]) -> Job {
        let key = (Job::NAME, job.name_any());
        if job.spec.is_none() {
            // One that is kept as it is: a new one waits for its turn.
            self.wanted.insert(key);
            return job.clone();
        }
        let Some(uid) = self.outdated(&key, job) else { return self.one(job, needs).await };
        info!(
            name = key.1,
            "Job {} ran for another volume or another state of the database: it runs again", key.1
        );
        self.wanted.insert(key.clone());
        self.delete::<Job>(&key, &uid).await;
        self.missing.push((key, component(job)));
        job.clone()
    }

    fn outdated(&self, key: &ObjectKey, job: &Job) -> Option<String> {
        let record = self.record(key)?;
        let there = record.snapshot::<Job>()?;
        let (was, is) = (there.annotations().get(VOLUME), job.annotations().get(VOLUME));
        let other_volume = was.is_some() && is.is_some() && was != is;
        (other_volume || self.existing.schema_is_lost(&there)).then(|| record.uid().to_owned())
    }

    /// Creates the Secret unless it is there: what is in it is in use.
    ///
    /// Nobody tells when it is deleted. Pods that do without it are ready; one that is not is a reason to look.
    pub(super) async fn create(&mut self, secret: &NewSecret) {
        let name = secret.object.name_any();
        let known = self.memory.knows_secret(&self.existing.key, &name);
        if self.away.is_some() || known && self.pods_are_ready() {
            return;
        }
        let key = (<Secret as k8s_openapi::Resource>::KIND, name);
        match self.created(secret).await {
            Ok(true) => info!(secret = key.1, "made the Secret {}", key.1),
            Ok(false) => {}
            Err(why) => {
                let component = component(&secret.object);
                self.failed(&key, component.clone(), why);
                if !known {
                    self.missing.push((key, component));
                }
                return;
            }
        }
        self.memory.secret_is_there(&self.existing.key, key.1);
    }

    async fn created(&self, secret: &NewSecret) -> Result<bool, Why> {
        let data = credentials::make(&secret.content, Timestamp::now()).map_err(Why::Credentials)?;
        let secret = Secret { data: Some(data), ..secret.object.clone() };
        self.cluster.create(&secret).await.map_err(Why::Call)
    }

    /// The claim of that name is not the pipeline's: a StatefulSet would take it for its own.
    pub(super) fn claim(&mut self, name: &str) {
        let key = (PersistentVolumeClaim::NAME, name.to_owned());
        let why = match self.names.take(&key) {
            Standing::Taken => Why::Taken,
            Standing::Unknown(error) => Why::Call(error),
            Standing::Free | Standing::There { .. } => return,
        };
        let component = <&str>::from(Component::Mysql).to_owned();
        self.failed(&key, Some(component.clone()), why);
        self.missing.push((key, Some(component)));
    }

    /// Another call has failed.
    pub(super) fn failed(&mut self, object: &ObjectKey, component: Option<String>, why: Why) {
        let late = matches!(&why, Why::Call(api::Error::Timeout { .. }));
        match why {
            Why::Call(error) if error.verdict() == Verdict::Away || late && self.late => {
                self.away = Some(error);
            }
            why => {
                self.late |= late;
                self.failures.push(Failure { object: object.clone(), component, why });
            }
        }
    }

    /// Deletes what belongs to the pipeline and was not among the objects that were wanted, but for what stands in for
    /// one that is missing.
    pub(super) async fn remove_all_others(&mut self, cache: &ObjectCache) {
        let uid = self.existing.uid.as_deref();
        for (key, record) in &self.existing.objects {
            if self.away.is_some() || self.wanted.contains(key) || !record.belongs_to(uid) {
                continue;
            }
            let stands_in = |(missing, component): &(ObjectKey, Option<String>)| {
                missing.0 == key.0 && component.as_deref() == record.component()
            };
            let Some(resource) = cache.resource(key.0).filter(|_| !self.missing.iter().any(stands_in)) else {
                continue;
            };
            let (kind, name) = key;
            info!(name, "deleting {kind} {name}");
            let namespace = &self.existing.key.namespace;
            match self.cluster.delete(&resource, namespace, name, record.uid()).await {
                Ok(()) => self.memory.removed(&self.existing.key, key),
                Err(error) => self.failed(key, record.component().map(str::to_owned), Why::Call(error)),
            }
        }
    }

    /// What could not be written; an error if the API server was away.
    pub(super) fn finish(self) -> Result<Failures, Error> {
        match self.away {
            Some(error) => Err(Error::Away(error)),
            None => Ok(Failures(self.failures)),
        }
    }

    async fn write<K: Kind>(&self, key: &ObjectKey, object: &K, standing: Standing) -> Result<K, Why> {
        let value = as_json(object).map_err(Why::Json)?;
        let (pipeline, wanted) = (&self.existing.key, digest(&value));
        let record = self.record(key);
        let look = self.memory.look(pipeline, key, wanted, record.map(|record| record.ours));
        if let (Look::Same, Some(record)) = (look, record) {
            return record.complete(value).map_err(Why::Json);
        }
        debug!(name = key.1, "applying {} {}", K::NAME, key.1);
        let applied = match standing {
            Standing::Taken => return Err(Why::Taken),
            Standing::Unknown(error) => return Err(Why::Call(error)),
            Standing::Free => self.cluster.apply(object, Target::New).await,
            Standing::There { uid } => {
                self.prepare(key, object, &value, &uid).await?;
                self.cluster.apply(object, Target::Existing(&uid)).await
            }
        };
        let applied = applied.map_err(Why::Call)?;
        if look == Look::Changed {
            self.put_right(K::NAME, &key.1, record.is_some());
        }
        let ours = digest_of_ours(&as_json(&applied).map_err(Why::Json)?);
        self.memory.applied(pipeline, key.clone(), Digests { wanted, ours });
        Ok(applied)
    }

    /// What an object needs before it is applied: a pipeline that is gone is its controller no longer, and its number of
    /// pods stays when it is no longer ours to say.
    async fn prepare<K: Kind>(
        &self,
        key: &ObjectKey,
        object: &K,
        value: &Value,
        uid: &str,
    ) -> Result<(), Why> {
        let record = self.record(key);
        if record.is_some_and(|record| record.has_another_controller(self.existing.uid.as_deref())) {
            let owners = json!({"metadata": {"ownerReferences": value["metadata"]["ownerReferences"]}});
            let namespace = &self.existing.key.namespace;
            self.cluster.merge::<K>(namespace, (&key.1, uid), owners).await.map_err(Why::Call)?;
        }
        if K::NAME != Deployment::NAME || value["spec"].get("replicas").is_some() {
            return Ok(());
        }
        let Some(record) = record else { return Err(Why::NotSeenYet) };
        let replicas = record.snapshot::<Deployment>().and_then(|deployment| deployment.spec?.replicas);
        if let Some(replicas) = replicas.filter(|_| record.replicas_are_ours) {
            self.cluster.hand_over_replicas(object, uid, replicas).await.map_err(Why::Call)?;
        }
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

    async fn delete<K: Kind>(&mut self, key: &ObjectKey, uid: &str) {
        let resource = kube::core::ApiResource::erase::<K>(&());
        let namespace = &self.existing.key.namespace;
        self.memory.removed(&self.existing.key, key);
        if let Err(error) = self.cluster.delete(&resource, namespace, &key.1, uid).await {
            self.failed(key, Some(<&str>::from(Component::Schema).to_owned()), Why::Call(error));
        }
    }

    fn lacks(&self, needs: &[Need]) -> bool {
        needs.iter().any(|(kind, component)| {
            let is_one = |(key, of): &(ObjectKey, Option<String>)| {
                key.0 == *kind && of.as_deref() == Some((*component).into())
            };
            self.missing.iter().any(is_one)
        })
    }

    /// Whether the object of that kind and name is not there.
    pub(super) fn is_missing(&self, kind: &str, name: &str) -> bool {
        self.missing.iter().any(|(key, _)| key.0 == kind && key.1 == name)
    }

    /// An object that is there and not somebody else's.
    fn record(&self, key: &ObjectKey) -> Option<&Record> {
        let record = self.existing.objects.get(key)?;
        let whose = record.whose(&self.existing.key.name, self.existing.uid.as_deref());
        (whose != crate::cache::Whose::Foreign).then_some(record)
    }

    fn pods_are_ready(&self) -> bool {
        self.existing.objects.iter().all(|((kind, _), record)| {
            if *kind == StatefulSet::NAME {
                let status = record.snapshot::<StatefulSet>().and_then(|stateful_set| stateful_set.status);
                status.is_some_and(|status| status.ready_replicas.unwrap_or_default() >= 1)
            } else if *kind == Deployment::NAME {
                let status = record.snapshot::<Deployment>().and_then(|deployment| deployment.status);
                status.is_some_and(|status| status.unavailable_replicas.unwrap_or_default() == 0)
            } else {
                true
            }
        })
    }
}

fn component(object: &impl kube::Resource) -> Option<String> {
    object.meta().labels.as_ref()?.get(COMPONENT).cloned()
}

fn as_json(object: &impl serde::Serialize) -> Result<Value, serde_json::Error> {
    serde_json::to_value(object)
}
