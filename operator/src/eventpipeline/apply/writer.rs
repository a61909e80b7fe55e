//! Applies one object after the other, each only if it is not up to date.

mod orphans;
mod schema_job;
mod secret;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tracing::{debug, info};

use super::super::dereference::Existing;
use super::Error;
use super::failures::{Failure, Failures, Why};
use super::last_applied::{Digests, Freshness, LastApplied, Reverted};
use super::names::{self, NameOwner};
use super::needs::needs;
use crate::api::{self, Cluster, Target, Verdict};
use crate::cache::{Kind, ObjectKey, PipelineKey, Record, Whose, digest, digest_of_ours};
use crate::labels::{COMPONENT, Component};

/// The writer of a pipeline's objects.
///
/// An object that can't be applied is recorded as a failure, and the objects that need it are left out. All
/// others are applied.
pub(super) struct Writer<'a> {
    cluster: &'a Cluster,
    last_applied: &'a LastApplied,
    existing: &'a Existing,
    desired: BTreeSet<ObjectKey>,
    failures: Vec<Failure>,
    /// Desired objects that do not exist, with their component.
    missing: Vec<(ObjectKey, Option<String>)>,
    /// The error after which no further call is made.
    unavailable: Option<api::Error>,
    /// True if a call has timed out. The second timeout ends the reconciliation, because other pipelines wait.
    timed_out: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(cluster: &'a Cluster, last_applied: &'a LastApplied, existing: &'a Existing) -> Self {
        Self {
            cluster,
            last_applied,
            existing,
            desired: BTreeSet::new(),
            failures: Vec::new(),
            missing: Vec::new(),
            unavailable: None,
            timed_out: false,
        }
    }

    pub(super) fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    pub(super) fn existing(&self) -> &'a Existing {
        self.existing
    }

    /// Applies the object unless the watch shows that it is up to date, and replaces it by the server's
    /// version.
    ///
    /// If it can't be applied, it is replaced by the version that exists, or recorded as missing.
    pub(super) async fn apply<K: Kind>(&mut self, object: &mut K) {
        let key = (K::NAME, object.name_any());
        self.desired.insert(key.clone());
        let component = component(object);
        if self.unavailable.is_none() && !self.lacks((K::NAME, component.as_deref())) {
            match self.write(&key, object).await {
                Ok(applied) => {
                    *object = applied;
                    return;
                }
                Err(why) => self.failed(&key, component.clone(), why),
            }
        }
        let existing = self.record(&key).and_then(|record| record.complete(as_json(object).ok()?).ok());
        match existing {
            Some(existing) => *object = existing,
            None => self.missing.push((key, component)),
        }
    }

    /// Applies the object if the API server knows its kind. Returns whether it does.
    pub(super) async fn apply_if_served<K: Kind>(&mut self, object: &mut K) -> bool {
        self.apply(object).await;
        let is_unserved = |failure: &Failure| {
            failure.object.0 == K::NAME && matches!(&failure.why, Why::Call(error) if error.not_served())
        };
        let served = !self.failures.iter().any(is_unserved);
        if !served {
            self.failures.retain(|failure| !is_unserved(failure));
            self.missing.retain(|(key, _)| key.0 != K::NAME);
        }
        served
    }

    /// Applies the autoscaler unless its Deployment is missing: a Deployment of that name may belong to
    /// another owner.
    pub(super) async fn autoscaler(&mut self, autoscaler: &mut HorizontalPodAutoscaler) {
        let deployment = (Deployment::NAME, autoscaler.name_any());
        if !self.missing.iter().any(|(key, _)| *key == deployment) {
            self.apply(autoscaler).await;
        }
    }

    /// Records a failure if the claim's name belongs to another owner, and no StatefulSet has adopted it yet.
    pub(super) async fn check_claim(&mut self, name: &str) {
        let is_used = self.existing.objects.keys().any(|(kind, _)| *kind == StatefulSet::NAME);
        if is_used || self.unavailable.is_some() {
            return;
        }
        let why = match names::owner_of_claim(self.cluster, self.existing, name).await {
            NameOwner::Other => Why::Taken,
            NameOwner::Unknown(error) => Why::Call(error),
            NameOwner::Free | NameOwner::Pipeline { .. } => return,
        };
        let key = (PersistentVolumeClaim::NAME, name.to_owned());
        let component = Some(<&str>::from(Component::Mysql).to_owned());
        self.failed(&key, component.clone(), why);
        self.missing.push((key, component));
    }

    /// Records the failure of a call.
    pub(super) fn failed(&mut self, object: &ObjectKey, component: Option<String>, why: Why) {
        let timeout = matches!(&why, Why::Call(api::Error::Timeout { .. }));
        match why {
            Why::Call(error) if error.verdict() == Verdict::Away || timeout && self.timed_out => {
                self.unavailable = Some(error);
            }
            why => {
                self.timed_out |= timeout;
                self.failures.push(Failure { object: object.clone(), component, why });
            }
        }
    }

    /// Returns the failures, or an error if the API server was unavailable.
    pub(super) fn finish(self) -> Result<Failures, Error> {
        match self.unavailable {
            Some(error) => Err(Error::Unavailable(error)),
            None => Ok(Failures(self.failures)),
        }
    }

    async fn write<K: Kind>(&self, key: &ObjectKey, object: &K) -> Result<K, Why> {
        let value = as_json(object).map_err(Why::Json)?;
        let (pipeline, desired) = (&self.existing.key, digest(&value));
        let record = self.record(key);
        let freshness = self.last_applied.freshness(pipeline, key, desired, record.map(|record| record.ours));
        if let (Freshness::UpToDate, Some(record)) = (freshness, record) {
            return record.complete(value).map_err(Why::Json);
        }
        debug!(name = key.1, "applying {} {}", K::NAME, key.1);
        let applied = match names::owner::<K>(self.cluster, self.existing, &key.1).await {
            NameOwner::Other => return Err(Why::Taken),
            NameOwner::Unknown(error) => return Err(Why::Call(error)),
            NameOwner::Free => self.cluster.apply(object, Target::New).await,
            NameOwner::Pipeline { uid } => {
                self.prepare(key, object, &value, &uid).await?;
                self.cluster.apply(object, Target::Existing(&uid)).await
            }
        };
        let applied = applied.map_err(Why::Call)?;
        if freshness == Freshness::Drifted {
            self.reverted(K::NAME, &key.1, record.is_some());
        }
        let owned = digest_of_ours(&as_json(&applied).map_err(Why::Json)?);
        self.last_applied.applied(pipeline, key.clone(), Digests { desired, owned });
        Ok(applied)
    }

    /// Prepares an existing object for the apply: removes a former controller, and hands over `replicas` when
    /// the operator no longer decides it.
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
        let Some(record) = record else { return Err(Why::NotObserved) };
        let replicas = record.snapshot::<Deployment>().and_then(|deployment| deployment.spec?.replicas);
        if let Some(replicas) = replicas.filter(|_| record.replicas_are_ours) {
            self.cluster.hand_over_replicas(object, uid, replicas).await.map_err(Why::Call)?;
        }
        Ok(())
    }

    /// Logs that a change by another client was reverted, and records it for an Event.
    fn reverted(&self, kind: &'static str, name: &str, existed: bool) {
        let Existing { key: PipelineKey { namespace, name: pipeline }, .. } = self.existing;
        let what = if existed {
            "was changed by another client and has been restored"
        } else {
            "was deleted by another client and has been recreated"
        };
        info!(%namespace, %pipeline, kind, name, "{kind} {namespace}/{name} {what}");
        self.last_applied.reverted(&self.existing.key, Reverted { kind, name: name.to_owned(), what });
    }

    fn lacks(&self, object: (&str, Option<&str>)) -> bool {
        self.missing.iter().any(|(key, component)| needs(object, (key.0, component.as_deref())))
    }

    /// Returns the record of an existing object, unless it belongs to another owner.
    fn record(&self, key: &ObjectKey) -> Option<&'a Record> {
        let record = self.existing.objects.get(key)?;
        let whose = record.whose(&self.existing.key.name, self.existing.uid.as_deref());
        (whose != Whose::Foreign).then_some(record.as_ref())
    }
}

fn component(object: &impl kube::Resource) -> Option<String> {
    object.meta().labels.as_ref()?.get(COMPONENT).cloned()
}

fn as_json(object: &impl serde::Serialize) -> Result<Value, serde_json::Error> {
    serde_json::to_value(object)
}
