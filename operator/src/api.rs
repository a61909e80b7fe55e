//! Calls to the API server, each with a timeout.

mod answers;
mod client_metrics;
mod error;
mod term;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use eventpipeline_crds::{EventPipeline, EventPipelineStatus};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Event;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::{DeserializeGuard, ObjectMeta, Status};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use answers::Answers;
pub(crate) use client_metrics::ClientMetrics;
pub(crate) use error::{Error, Verdict};
pub(crate) use term::Term;

/// Field manager of every field that the operator writes.
pub(crate) const FIELD_MANAGER: &str = "eventpipeline-operator";

/// Field manager of `replicas` after the operator has stopped setting it and before an autoscaler or a person
/// sets it.
const HANDOVER_MANAGER: &str = "eventpipeline-operator-handover";

const LIMIT: Duration = Duration::from_secs(10);

/// A resource version that no object has: the first object in etcd gets version 2. An apply with it can only
/// create.
const NO_VERSION: &str = "1";

/// An object that is read from or written to the API server.
pub(crate) trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static
{
}

/// Target of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// An object that does not exist. An existing one is left unchanged.
    New,
    /// The object with this UID, and no other of its name.
    Existing(&'a str),
}

/// A client of the API server.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    term: Term,
    answers: Answers,
}

impl Cluster {
    /// Creates a client that makes calls only during `term`.
    pub(crate) fn new(client: Client, term: Term) -> Self {
        Self { client, term, answers: Answers::default() }
    }

    /// Returns the results of recent calls.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Applies the object, takes ownership of its fields, and returns the result.
    ///
    /// Fails with a conflict if the existing object is not the target.
    pub(crate) async fn apply<K: Object>(&self, object: &K, target: Target<'_>) -> Result<K, Error> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let name = object.name_any();
        let mut aimed = object.clone();
        match target {
            Target::New => aimed.meta_mut().resource_version = Some(NO_VERSION.to_owned()),
            Target::Existing(uid) => aimed.meta_mut().uid = Some(uid.to_owned()),
        }
        self.call(format!("apply {}", label(object)), async {
            self.of(object).patch(&name, &params, &Patch::Apply(&aimed)).await
        })
        .await
    }

    /// Returns the metadata of the object of this name, whoever created it. Lists, because the operator has
    /// that permission anyway.
    pub(crate) async fn find<K: Object>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<ObjectMeta>, Error> {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let named = ListParams::default().fields(&format!("metadata.name={name}"));
        let list =
            self.call(format!("find {} {name}", K::kind(&())), async { api.list_metadata(&named).await });
        Ok(list.await?.items.pop().map(|object| object.metadata))
    }

    /// Transfers `replicas` of this object to a field manager that never changes it, so that the value stays
    /// when the operator stops setting it. A manager that already owns the field with another value keeps it.
    pub(crate) async fn hand_over_replicas<K: Object>(
        &self,
        object: &K,
        uid: &str,
        replicas: i32,
    ) -> Result<(), Error> {
        let name = object.name_any();
        let patch = Patch::Apply(json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"uid": uid},
            "spec": {"replicas": replicas},
        }));
        // Without force: a manager that set another value is the new owner.
        let params = PatchParams::apply(HANDOVER_MANAGER);
        let handed = self
            .call(format!("hand over the replicas of {}", label(object)), async {
                self.of(object).patch_metadata(&name, &params, &patch).await.map(drop)
            })
            .await;
        match handed {
            Err(error) if error.owned_by_others() => Ok(()),
            result => result,
        }
    }

    /// Changes fields of the object with this UID.
    pub(crate) async fn merge<K: Object>(
        &self,
        namespace: &str,
        (name, uid): (&str, &str),
        mut patch: Value,
    ) -> Result<(), Error> {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        patch["metadata"]["uid"] = json!(uid);
        self.call(format!("change {} {name}", K::kind(&())), async {
            api.patch_metadata(name, &params, &Patch::Merge(patch)).await.map(drop)
        })
        .await
    }

    /// Creates the object. Returns `false` if it already exists.
    pub(crate) async fn create<K: Object>(&self, object: &K) -> Result<bool, Error> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let created = self
            .call(format!("create {}", label(object)), async {
                self.of(object).create(&params, object).await.map(drop)
            })
            .await;
        match created {
            Ok(()) => Ok(true),
            Err(error) if error.is(Status::is_already_exists) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes the object with this UID, if it still exists.
    pub(crate) async fn delete(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), Error> {
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, resource);
        let params = DeleteParams::background()
            .preconditions(Preconditions { uid: Some(uid.to_owned()), ..Preconditions::default() });
        let deleted = self
            .call(format!("delete {} {name}", resource.kind), async {
                api.delete(name, &params).await.map(drop)
            })
            .await;
        match deleted {
            Err(error) if error.not_found() || error.is(Status::is_conflict) => Ok(()),
            result => result,
        }
    }

    /// Returns the message of the last Event with this reason about the object.
    pub(crate) async fn last_event(
        &self,
        namespace: &str,
        uid: &str,
        reason: &str,
    ) -> Result<Option<String>, Error> {
        let api = Api::<Event>::namespaced(self.client.clone(), namespace);
        let params = ListParams::default().fields(&format!("involvedObject.uid={uid},reason={reason}"));
        let events = self.call(format!("list Events with reason {reason}"), api.list(&params)).await?;
        let when = |event: &Event| {
            let last = event.last_timestamp.as_ref().map(|time| time.0);
            last.or(event.event_time.as_ref().map(|time| time.0))
        };
        Ok(events.items.into_iter().max_by_key(when).and_then(|event| event.message))
    }

    /// Writes the status of a pipeline over the version that was read. Returns the new version, or `None` if
    /// the pipeline was deleted. Fails with a conflict if the pipeline has changed, or another one of its
    /// name has replaced it: the API server does not compare the UID of a status.
    pub(crate) async fn write_status(
        &self,
        pipeline: &ObjectMeta,
        version: &str,
        status: &EventPipelineStatus,
    ) -> Result<Option<String>, Error> {
        let name = pipeline.name.as_deref().unwrap_or_default();
        let namespace = pipeline.namespace.as_deref().unwrap_or_default();
        let api = Api::<DeserializeGuard<EventPipeline>>::namespaced(self.client.clone(), namespace);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(json!({
            "apiVersion": EventPipeline::api_version(&()),
            "kind": EventPipeline::kind(&()),
            "metadata": {"uid": pipeline.uid, "resourceVersion": version},
            "status": status,
        }));
        let written = self
            .call(format!("write the status of EventPipeline {name}"), async {
                api.patch_status(name, &params, &patch).await.map(|written| written.resource_version())
            })
            .await;
        match written {
            Err(error) if error.not_found() => Ok(None),
            result => result,
        }
    }

    /// Runs a call within the timeout. `action` completes "failed to" in error messages.
    pub(crate) async fn call<T>(
        &self,
        action: String,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        // A process that was suspended may resume in the middle of a reconciliation, long after its term.
        if !self.term.holds() {
            return Err(Error::NotLeader { action });
        }
        let answer = match tokio::time::timeout(LIMIT, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => Err(Error::Refused { action, status }),
            Ok(Err(source)) => Err(Error::Request { action, source: Box::new(source) }),
            Err(_) => Err(Error::Timeout { action }),
        };
        self.answers.note(answer.as_ref().err());
        answer
    }

    fn of<K: Object>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }
}

/// Returns the kind and the name, such as `Deployment demo-producer-default`.
fn label<K: Object>(object: &K) -> String {
    format!("{} {}", K::kind(&()), object.name_any())
}
