//! A pipeline in its own namespace.

use std::{fmt::Debug, time::Duration};

use anyhow::{Context as _, Result};
use eventpipeline_crds::EventPipeline;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Ingress, connect, fresh_namespace, remove_earlier_namespaces, remove_namespace, until};

/// Time limit for a database to initialise on a machine of two cores, and for the programs that wait for it.
const START: Duration = Duration::from_mins(10);

/// A pipeline called `events`.
#[derive(Clone)]
pub struct Pipeline {
    client: Client,
    namespace: String,
    /// Its API through the ingress.
    pub ingress: Ingress,
}

impl Pipeline {
    /// Returns its name.
    pub const NAME: &str = "events";

    /// Creates the namespace `e2e-NAME` for a pipeline, which the caller applies. The pipelines of earlier tests are removed.
    pub async fn planned_in(name: &str) -> Result<Self> {
        remove_earlier_namespaces(&connect().await?).await?;
        Self::planned_beside(name).await
    }

    /// Creates the namespace `e2e-NAME` for a further pipeline of the same test.
    pub async fn planned_beside(name: &str) -> Result<Self> {
        let client = connect().await?;
        let namespace = format!("e2e-{name}");
        fresh_namespace(&client, &namespace).await?;
        let ingress = Ingress::new(&Self::host(&namespace))?;
        Ok(Self { client, namespace, ingress })
    }

    /// Applies a pipeline with all defaults in the namespace `e2e-NAME`, without waiting.
    pub async fn apply_in(name: &str) -> Result<Self> {
        let pipeline = Self::planned_in(name).await?;
        pipeline.apply(json!({})).await?;
        Ok(pipeline)
    }

    /// Applies a pipeline with all defaults, and waits until it is ready and the ingress controller knows it.
    pub async fn start(name: &str) -> Result<Self> {
        let pipeline = Self::apply_in(name).await?;
        pipeline.serves().await?;
        Ok(pipeline)
    }

    fn host(namespace: &str) -> String {
        format!("{namespace}.example.com")
    }

    /// Applies a spec, server-side, with this pipeline's host. A spec without a route gets a route to all operations; of any
    /// other route only `path` and `operations` are used.
    pub async fn apply(&self, mut spec: Value) -> Result<()> {
        let route = spec["route"].take();
        let operations = route["operations"].as_bool().unwrap_or(route.is_null());
        let path = route["path"].as_str().unwrap_or("/");
        let ingress = json!({ "host": Self::host(&self.namespace), "path": path });
        spec["route"] = json!({ "ingress": ingress, "operations": operations });
        let object = json!({
            "apiVersion": EventPipeline::api_version(&()),
            "kind": EventPipeline::kind(&()),
            "metadata": { "name": Self::NAME },
            "spec": spec,
        });
        let apply = PatchParams::apply("eventpipeline-e2e").force();
        self.api::<EventPipeline>().patch(Self::NAME, &apply, &Patch::Apply(object)).await?;
        Ok(())
    }

    /// Applies the objects of a manifest in the namespace of this pipeline, except pipelines.
    pub async fn apply_beside(&self, manifest: &str) -> Result<()> {
        let apply = PatchParams::apply("eventpipeline-e2e").force();
        for object in serde_saphyr::from_multiple::<DynamicObject>(manifest)? {
            let kind = GroupVersionKind::try_from(object.types.as_ref().context("a kind")?)?;
            if kind.kind != EventPipeline::kind(&()) {
                let resource = ApiResource::from_gvk(&kind);
                let api: Api<DynamicObject> =
                    Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
                api.patch(&object.name_any(), &apply, &Patch::Apply(&object)).await?;
            }
        }
        Ok(())
    }

    /// Deletes the pipeline without waiting.
    pub async fn delete(&self) -> Result<()> {
        self.api::<EventPipeline>().delete(Self::NAME, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until it is ready and the ingress controller knows it.
    pub async fn serves(&self) -> Result<()> {
        self.condition("Ready", "True", START).await?;
        // The ingress controller applies the route after a moment.
        until("an answer through the ingress", Duration::from_mins(1), async || {
            self.ingress.count().await.map(Some)
        })
        .await?;
        Ok(())
    }

    /// Waits until a condition has this status for the current spec.
    pub async fn condition(&self, type_: &str, status: &str, within: Duration) -> Result<Condition> {
        let mut seen = String::new();
        let what = format!("{type_}={status}");
        let found = until(&what, within, async || {
            let pipeline = self.api::<EventPipeline>().get(Self::NAME).await?;
            let generation = pipeline.metadata.generation;
            let state = pipeline.status.unwrap_or_default();
            seen = format!("{:#?}", state.conditions);
            let current = state.observed_generation == generation;
            Ok(state.conditions.into_iter().find(|it| current && it.type_ == type_ && it.status == status))
        })
        .await;
        found.with_context(|| format!("{} in {}, whose conditions are {seen}", Self::NAME, self.namespace))
    }

    /// Returns the pods of a component (`mysql`, `producer`, `consumer`), including terminating ones.
    pub async fn pods(&self, component: &str) -> Result<Vec<Pod>> {
        let selector = ListParams::default().labels(&format!(
            "app.kubernetes.io/instance={},app.kubernetes.io/component={component}",
            Self::NAME
        ));
        Ok(self.api::<Pod>().list(&selector).await?.items)
    }

    /// Returns true if a pod is ready and not terminating.
    #[must_use]
    pub fn is_ready(pod: &Pod) -> bool {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// Deletes the pods of a component without a grace period, like the loss of their node: kubelet kills them within seconds.
    pub async fn lose(&self, component: &str) -> Result<()> {
        for pod in self.pods(component).await? {
            let at_once = DeleteParams::default().grace_period(0);
            self.api::<Pod>().delete(&pod.name_any(), &at_once).await?;
        }
        Ok(())
    }

    /// Returns the metrics of a pod.
    pub async fn metrics(&self, pod: &Pod) -> Result<String> {
        let path =
            format!("/api/v1/namespaces/{}/pods/{}:9090/proxy/metrics", self.namespace, pod.name_any());
        Ok(self.client.request_text(http::Request::get(path).body(Vec::new())?).await?)
    }

    /// Returns the names of all objects of a kind in the namespace, without those of Kubernetes itself.
    pub async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let objects = self.api::<K>().list(&ListParams::default()).await?;
        Ok(objects.iter().map(kube::ResourceExt::name_any).collect())
    }

    /// Returns a client for objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Deletes the namespace without waiting. A failed test does not get here, so that its objects stay.
    pub async fn remove(self) -> Result<()> {
        remove_namespace(&self.client, &self.namespace).await
    }
}
