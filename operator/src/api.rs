//! Calls of the API server, each with a time limit.

mod counted;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Event;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::{DeserializeGuard, Status};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::leadership::Term;
pub(crate) use counted::Counted;
use eventpipeline_crds::{EventPipeline, EventPipelineStatus};

/// Owner of every field that the operator writes.
pub(crate) const FIELD_MANAGER: &str = "eventpipeline-operator";

const LIMIT: Duration = Duration::from_secs(10);

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server says no.
    #[error("failed to {action}: {}", status.message)]
    Refused { action: String, status: Box<Status> },
    /// The API server could not be asked or understood.
    #[error("failed to {action}")]
    Request { action: String, source: Box<kube::Error> },
    /// Another operator works now.
    #[error("failed to {action}: this operator does not lead")]
    NotLeader { action: String },
    /// The API server did not answer in time.
    #[error("failed to {action}: no answer within {} s", LIMIT.as_secs())]
    Timeout { action: String },
}

impl Error {
    fn is(&self, reason: impl Fn(&Status) -> bool) -> bool {
        matches!(self, Self::Refused { status, .. } if reason(status))
    }

    /// Nothing of that name is there.
    pub(crate) fn not_found(&self) -> bool {
        // By the code: a server that does not know the path at all answers without a reason.
        self.is(|status| status.code == 404)
    }

    /// The API server does not know the kind: its definition is not installed.
    pub(crate) fn not_served(&self) -> bool {
        // An object or a namespace that is not there is named in the details.
        self.is(|status| status.code == 404 && status.details.as_ref().is_none_or(|it| it.kind.is_empty()))
    }
}

/// What is written to and read from the API server.
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

/// The cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    term: Term,
}

impl Cluster {
    /// One that is asked only while `term` lasts.
    pub(crate) fn new(client: Client, term: Term) -> Self {
        Self { client, term }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Makes the object as it is given, its fields ours, and answers it as it is now.
    pub(crate) async fn apply<K: Object>(&self, object: &K) -> Result<K, Error> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let name = object.name_any();
        self.call(format!("apply {}", label(object)), async {
            self.of(object).patch(&name, &params, &Patch::Apply(object)).await
        })
        .await
    }

    /// Changes the fields of an object that is there.
    pub(crate) async fn merge<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<(), Error> {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.call(format!("change {} {name}", K::kind(&())), async {
            api.patch_metadata(name, &params, &Patch::Merge(patch)).await.map(drop)
        })
        .await
    }

    /// Creates the object; `false` when it is there already.
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

    /// Deletes that very object, if it is still there.
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

    /// What the last Event of that reason says of the object.
    pub(crate) async fn last_event(
        &self,
        namespace: &str,
        uid: &str,
        reason: &str,
    ) -> Result<Option<String>, Error> {
        let api = Api::<Event>::namespaced(self.client.clone(), namespace);
        let params = ListParams::default().fields(&format!("involvedObject.uid={uid},reason={reason}"));
        let events = self.call(format!("list the Events {reason}"), api.list(&params)).await?;
        let when = |event: &Event| {
            let last = event.last_timestamp.as_ref().map(|time| time.0);
            last.or(event.event_time.as_ref().map(|time| time.0))
        };
        Ok(events.items.into_iter().max_by_key(when).and_then(|event| event.message))
    }

    /// Writes a pipeline's status; a pipeline that is gone needs none.
    pub(crate) async fn write_status(
        &self,
        namespace: &str,
        name: &str,
        status: &EventPipelineStatus,
    ) -> Result<(), Error> {
        let api = Api::<DeserializeGuard<EventPipeline>>::namespaced(self.client.clone(), namespace);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(json!({
            "apiVersion": EventPipeline::api_version(&()),
            "kind": EventPipeline::kind(&()),
            "status": status,
        }));
        let written = self
            .call(format!("write the status of EventPipeline {name}"), async {
                api.patch_status(name, &params, &patch).await.map(drop)
            })
            .await;
        match written {
            Err(error) if error.not_found() => Ok(()),
            result => result,
        }
    }

    /// Runs a call within the time limit.
    pub(crate) async fn call<T>(
        &self,
        action: String,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        // A process that was paused may wake up in the middle of its work, long after its term.
        if !self.term.holds() {
            return Err(Error::NotLeader { action });
        }
        match tokio::time::timeout(LIMIT, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => Err(Error::Refused { action, status }),
            Ok(Err(source)) => Err(Error::Request { action, source: Box::new(source) }),
            Err(_) => Err(Error::Timeout { action }),
        }
    }

    fn of<K: Object>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }
}

/// `Deployment demo-producer-default`
fn label<K: Object>(object: &K) -> String {
    format!("{} {}", K::kind(&()), object.name_any())
}
