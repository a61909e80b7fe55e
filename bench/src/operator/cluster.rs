//! The API server and its pipelines.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Number of concurrent calls, as from several users and their tools.
const AT_ONCE: usize = 8;

pub(super) struct Cluster {
    server: ApiServer,
    client: Client,
}

impl Cluster {
    /// Starts a server with the CRD.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let server = ApiServer::start().await;
        let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/eventpipeline.yaml");
        let definition = definition.to_str().context("the path is not UTF-8")?;
        server.kubectl(["apply", "--server-side", "-f", definition]).map_err(anyhow::Error::msg)?;
        server.established(&["crd/eventpipelines.eventpipeline.dev"]).map_err(anyhow::Error::msg)?;
        let kubeconfig = Kubeconfig::read_from(server.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self { client: Client::try_from(config)?, server })
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.server.kubeconfig()
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), "default")
    }

    /// Creates the pipelines with all defaults.
    pub(super) async fn create(&self, pipelines: usize) -> anyhow::Result<()> {
        let api = self.api::<EventPipeline>();
        let create = async |at| {
            let object = json!({
                "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline", "metadata": {"name": name(at)}, "spec": {},
            });
            let object = serde_json::from_value(object)?;
            api.create(&PostParams::default(), &object).await.context("failed to create a pipeline")?;
            anyhow::Ok(())
        };
        futures::stream::iter(0..pipelines).map(create).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Returns true if the operator has reported the state of every pipeline.
    pub(super) async fn all_reconciled(&self) -> anyhow::Result<bool> {
        let pipelines = self.api::<EventPipeline>().list(&ListParams::default()).await?;
        Ok(pipelines.items.iter().all(|pipeline| {
            let conditions = pipeline.status.as_ref().map(|status| status.conditions.as_slice());
            conditions.unwrap_or_default().iter().any(|condition| condition.type_ == "ProducersReady")
        }))
    }

    /// Writes the statuses of controllers and nodes for the first pipelines.
    pub(super) async fn make_ready(&self, pipelines: usize) -> anyhow::Result<()> {
        let pods = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2});
        let database = json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"});
        let (start, end) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
        let condition = |type_: &str| json!({"type": type_, "status": "True", "lastTransitionTime": end});
        let job = json!({
            "startTime": start, "completionTime": end, "succeeded": 1,
            "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
        });
        for pipeline in (0..pipelines).map(name) {
            self.write_statuses::<StatefulSet>(&pipeline, &database).await?;
            self.write_statuses::<Job>(&pipeline, &job).await?;
            self.write_statuses::<Deployment>(&pipeline, &pods).await?;
        }
        Ok(())
    }

    async fn write_statuses<K>(&self, pipeline: &str, status: &Value) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api = self.api::<K>();
        let of = ListParams::default().labels(&format!("app.kubernetes.io/instance={pipeline}"));
        for object in api.list(&of).await? {
            let patch = Patch::Merge(json!({"status": status}));
            api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }

    /// Changes an unrelated annotation of the first pipelines.
    pub(super) async fn touch(&self, pipelines: usize) -> anyhow::Result<()> {
        let api = self.api::<EventPipeline>();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {"example.com/touched": "1"}}}));
        for at in 0..pipelines {
            api.patch(&name(at), &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }
}

fn name(at: usize) -> String {
    format!("bench-{at}")
}
