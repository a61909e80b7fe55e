//! A namespace in an API server, which tests share by default.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ObjectMeta;
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// Time limit of a wait.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) struct Cluster {
    pub(crate) server: &'static ApiServer,
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Cluster {
    /// Returns a new namespace in the shared server, which has the resource definition and the operator's
    /// role.
    pub(crate) async fn new(namespace: &str) -> Self {
        static READY: OnceCell<()> = OnceCell::const_new();
        let server = ApiServer::shared().await;
        READY
            .get_or_init(async || {
                install_definition(server);
                install_role(server).await;
            })
            .await;
        Self::within(server, namespace).await
    }

    /// Returns a new namespace in another server, after installing the same.
    pub(crate) async fn with(server: &'static ApiServer, namespace: &str) -> Self {
        install_definition(server);
        install_role(server).await;
        Self::within(server, namespace).await
    }

    async fn within(server: &'static ApiServer, namespace: &str) -> Self {
        let client = client(server).await;
        let metadata = ObjectMeta { name: Some(namespace.to_owned()), ..ObjectMeta::default() };
        let object = Namespace { metadata, ..Namespace::default() };
        Api::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        Self { server, client, namespace: namespace.to_owned() }
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a pipeline by server-side apply as field manager `author`.
    pub(crate) async fn apply(&self, name: &str, spec: Value) -> Result<EventPipeline, String> {
        let object = json!({
            "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("author");
        let applied = self.api::<EventPipeline>().patch(name, &params, &Patch::Apply(object)).await;
        applied.map_err(|error| error.to_string())
    }

    /// Writes the status of a workload's controller.
    pub(crate) async fn write_status<K>(&self, name: &str, status: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Writes the status of all workloads of the pipeline as if all pods were ready, and waits until the
    /// pipeline is ready.
    pub(crate) async fn everything_ready(&self, pipeline: &str) {
        for stateful_set in self.api::<StatefulSet>().list(&ListParams::default()).await.unwrap() {
            let ObjectMeta { name: Some(name), generation, .. } = stateful_set.metadata else { continue };
            if name.starts_with(pipeline) {
                let mut status = stateful_set_ready();
                status["observedGeneration"] = json!(generation);
                self.write_status::<StatefulSet>(&name, status).await;
            }
        }
        for name in self.names::<Job>().await.iter().filter(|name| name.starts_with(pipeline)) {
            self.write_status::<Job>(name, job_succeeded()).await;
        }
        for deployment in self.api::<Deployment>().list(&ListParams::default()).await.unwrap() {
            let name = deployment.metadata.name.unwrap();
            if name.starts_with(pipeline) {
                let mut status = pods_ready(deployment.spec.unwrap().replicas.unwrap());
                status["observedGeneration"] = json!(deployment.metadata.generation);
                self.write_status::<Deployment>(&name, status).await;
            }
        }
        self.condition_is(pipeline, "Ready", "True/AsSpecified").await;
    }

    pub(crate) async fn delete<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn names<K>(&self) -> Vec<String>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let list = self.api::<K>().list(&ListParams::default()).await.unwrap();
        list.items.iter().map(|object| object.meta().name.clone().unwrap()).collect()
    }

    /// Returns status and reason of a condition as `False/DatabaseNotReady`.
    pub(crate) async fn condition(&self, pipeline: &str, type_: &str) -> Option<String> {
        let status = self.api::<EventPipeline>().get(pipeline).await.unwrap().status?;
        let condition = status.conditions.into_iter().find(|condition| condition.type_ == type_)?;
        Some(format!("{}/{}", condition.status, condition.reason))
    }

    #[track_caller]
    pub(crate) fn condition_is(&self, pipeline: &str, type_: &str, wanted: &str) -> impl Future<Output = ()> {
        let what = format!("{pipeline}'s {type_} to be {wanted}");
        until(what, async move || self.condition(pipeline, type_).await.filter(|now| now == wanted).map(drop))
    }
}

pub(crate) fn stateful_set_ready() -> Value {
    json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"})
}

/// Returns the status of a Job that succeeded long ago.
pub(crate) fn job_succeeded() -> Value {
    job_completed_at("2026-01-01T00:00:09Z".parse().unwrap())
}

/// Returns the status of a Job that succeeded at this time.
pub(crate) fn job_completed_at(end: Timestamp) -> Value {
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let start = "2026-01-01T00:00:00Z";
    let condition = |type_: &str| json!({"type": type_, "status": "True", "lastTransitionTime": end});
    json!({
        "startTime": start, "completionTime": end, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    })
}

/// Returns the status of a Deployment with this number of updated and ready pods.
pub(crate) fn pods_ready(pods: i32) -> Value {
    json!({
        "observedGeneration": 1, "replicas": pods, "updatedReplicas": pods, "readyReplicas": pods,
        "availableReplicas": pods,
    })
}

pub(crate) fn install_definition(server: &ApiServer) {
    let file = crds().join("eventpipeline.yaml");
    server.kubectl(["apply", "--server-side", "-f", file.to_str().unwrap()]).unwrap();
    server.established(&["crd/eventpipelines.eventpipeline.dev"]).unwrap();
}

pub(crate) async fn install_role(server: &ApiServer) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/role.yaml");
    server.kubectl(["apply", "-f", file.to_str().unwrap()]).unwrap();
    // Roles and bindings take effect a moment after they are created.
    for granted in ["secrets", "leases.coordination.k8s.io"] {
        until(format!("the right to create {granted}"), async || {
            let asked = ["auth", "can-i", "create", granted, "--as=eventpipeline-operator", "-n", "default"];
            server.kubectl(asked).ok()
        })
        .await;
    }
}

pub(crate) fn crds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds")
}

pub(crate) async fn client(server: &ApiServer) -> Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Repeats the question until it has an answer.
#[track_caller]
pub(crate) fn until<T>(
    what: impl Into<String>,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.into();
    async move {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < deadline, "{caller}: timed out waiting for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Converts an object to JSON.
pub(crate) fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}
