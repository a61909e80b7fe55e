//! A namespace of one's own in the API server that the tests share.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
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

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Cluster {
    pub(crate) server: &'static ApiServer,
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Cluster {
    /// The shared server with the resource definition and the operator's role; and a new namespace.
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

    /// A server of one's own with the same; and a new namespace.
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

    /// Applies a pipeline on the server's side, as `manager`.
    pub(crate) async fn apply(&self, name: &str, spec: Value) -> Result<EventPipeline, String> {
        let object = json!({
            "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("author");
        let applied = self.api::<EventPipeline>().patch(name, &params, &Patch::Apply(object)).await;
        applied.map_err(|error| error.to_string())
    }

    /// Writes the status that a controller would.
    pub(crate) async fn write_status<K>(&self, name: &str, status: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Writes the statuses that the workloads' controllers would once all pods of the pipeline run, and waits until the
    /// operator says so.
    pub(crate) async fn everything_ready(&self, pipeline: &str) {
        let names = self.names::<StatefulSet>().await;
        for name in names.iter().filter(|name| name.starts_with(pipeline)) {
            self.write_status::<StatefulSet>(name, stateful_set_ready()).await;
        }
        for name in self.names::<Job>().await.iter().filter(|name| name.starts_with(pipeline)) {
            self.write_status::<Job>(name, job_succeeded()).await;
        }
        for deployment in self.api::<Deployment>().list(&ListParams::default()).await.unwrap() {
            let name = deployment.metadata.name.unwrap();
            if name.starts_with(pipeline) {
                let pods = deployment.spec.unwrap().replicas.unwrap();
                self.write_status::<Deployment>(&name, pods_ready(pods)).await;
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

    /// What the operator says of the pipeline: `Ready` as `False/DatabaseNotReady`.
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

pub(crate) fn job_succeeded() -> Value {
    let (start, end) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
    let condition = |type_: &str| json!({"type": type_, "status": "True", "lastTransitionTime": end});
    json!({
        "startTime": start, "completionTime": end, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    })
}

/// So many pods, all of the latest template and ready.
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
    // The server grants what it has seen of roles and bindings, each of which it sees a moment later.
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

/// Asks until there is an answer.
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
            assert!(Instant::now() < deadline, "{caller}: waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The object as JSON, to be looked into.
pub(crate) fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}
