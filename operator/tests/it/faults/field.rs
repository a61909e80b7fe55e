//! A namespace in which faults are injected.

use std::collections::BTreeMap;
use std::time::Duration;

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiProxy;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};

use super::super::cluster::{Cluster, until, value};

/// All kinds that the operator writes.
fn kinds() -> [ApiResource; 9] {
    [
        ApiResource::erase::<Secret>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<Job>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<Ingress>(&()),
        ApiResource::erase::<NetworkPolicy>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<HorizontalPodAutoscaler>(&()),
    ]
}

/// A namespace with objects of other owners, behind a proxy that injects faults.
pub(super) struct Field {
    pub(super) cluster: Cluster,
    pub(super) proxy: ApiProxy,
    foreign: Vec<String>,
}

impl Field {
    pub(super) async fn new(namespace: &str) -> Self {
        let cluster = Cluster::new(namespace).await;
        let proxy = ApiProxy::start(cluster.server).await;
        let port = json!([{"port": 1}]);
        for (name, labels) in [
            ("demo-own", json!({"app.kubernetes.io/instance": "demo"})),
            // A name that resembles those of the pipeline's objects.
            (
                "demo-producers-2",
                json!({
                    "app.kubernetes.io/instance": "demo", "app.kubernetes.io/managed-by": "eventpipeline-operator",
                }),
            ),
        ] {
            let service = json!({"metadata": {"name": name, "labels": labels}, "spec": {"ports": port}});
            let service = serde_json::from_value(service).unwrap();
            cluster.api::<Service>().create(&PostParams::default(), &service).await.unwrap();
        }
        let mut field = Self { cluster, proxy, foreign: Vec::new() };
        field.foreign = field.foreign_objects().await;
        field
    }

    fn api(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.cluster.client.clone(), &self.cluster.namespace, kind)
    }

    async fn get(&self, selector: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in kinds() {
            let list = self.api(&kind).list(&ListParams::default().labels(selector)).await.unwrap();
            for object in list {
                let mut object = value(&object);
                object["kind"] = json!(kind.kind);
                all.push(object);
            }
        }
        all
    }

    /// Returns the objects of other owners as text.
    async fn foreign_objects(&self) -> Vec<String> {
        let all = self.get("app.kubernetes.io/instance=demo").await;
        let theirs = |object: &&Value| {
            ["demo-own", "demo-producers-2"].contains(&object["metadata"]["name"].as_str().unwrap())
        };
        all.iter().filter(theirs).map(Value::to_string).collect()
    }

    /// Returns the operator's objects without parts that differ between runs.
    async fn ours(&self) -> BTreeMap<String, Value> {
        let mut ours = BTreeMap::new();
        for mut object in self.get("app.kubernetes.io/managed-by=eventpipeline-operator").await {
            if object["metadata"]["name"] == "demo-producers-2" {
                continue;
            }
            let owner =
                object.pointer("/metadata/ownerReferences/0/uid").and_then(Value::as_str).map(str::to_owned);
            let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
            let fields = object.as_object_mut().unwrap();
            fields.remove("status");
            if let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut) {
                data.values_mut().for_each(|secret| *secret = json!("secret"));
            }
            let metadata = fields["metadata"].as_object_mut().unwrap();
            for volatile in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
                metadata.remove(volatile);
            }
            if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) {
                spec.retain(|name, _| name != "clusterIP" && name != "clusterIPs");
            }
            // A Job selects its pods by its own uid.
            let text = object.to_string().replace(&self.cluster.namespace, "NAMESPACE");
            let mut text = text.replace(&uid, "SELF");
            if let Some(owner) = owner {
                let short: String = owner.chars().take(8).collect();
                text = text.replace(&owner, "OWNER").replace(&format!("-tls-{short}"), "-tls-OWNER");
                text = without_hash(&text);
            }
            let object: Value = serde_json::from_str(&text).unwrap();
            let name = object["metadata"]["name"].as_str().unwrap();
            ours.insert(format!("{} {name}", object["kind"].as_str().unwrap()), object);
        }
        ours
    }

    /// Waits until the operator's objects equal these.
    pub(super) async fn becomes(&self, wanted: &BTreeMap<String, Value>, what: &str) {
        let mut last = BTreeMap::new();
        let reached = eventpipeline_testkit::until(Duration::from_mins(2), async || {
            last = self.ours().await;
            (last == *wanted).then_some(())
        })
        .await;
        if reached.is_none() {
            let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&last), names(wanted), "{what}");
            assert_eq!(last, *wanted, "{what}");
        }
        assert_eq!(self.foreign_objects().await, self.foreign, "{what}");
    }

    /// Returns the objects for this spec in an undisturbed run, once nothing changes any more.
    pub(super) async fn undisturbed(&self, spec: Value) -> BTreeMap<String, Value> {
        self.cluster.apply("demo", spec).await.unwrap();
        self.reconciled().await;
        let mut before = self.ours().await;
        until("all objects to be written", async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.ours().await;
            let same = now == before && now.len() > 10;
            before = now;
            same.then_some(())
        })
        .await;
        before
    }

    pub(super) async fn reconciled(&self) {
        until("the spec to be observed", async || {
            let pipeline = self.cluster.api::<EventPipeline>().get("demo").await.unwrap();
            (pipeline.status?.observed_generation == pipeline.metadata.generation).then_some(())
        })
        .await;
    }

    /// Deletes the pipeline and its objects, because no garbage collector runs here.
    pub(super) async fn clear(&self) {
        let pipelines = self.cluster.api::<EventPipeline>();
        let _ = pipelines.delete("demo", &DeleteParams::default()).await;
        for kind in kinds() {
            // A running reconciliation may still write.
            until("the objects to be deleted", async || {
                let left = self.get_kind(&kind).await;
                for object in &left {
                    let _ = self.api(&kind).delete(object, &DeleteParams::background()).await;
                }
                left.is_empty().then_some(())
            })
            .await;
        }
    }

    async fn get_kind(&self, kind: &ApiResource) -> Vec<String> {
        let ours = ListParams::default().labels("app.kubernetes.io/managed-by=eventpipeline-operator");
        let list = self.api(kind).list(&ours).await.unwrap();
        let names = list.into_iter().map(|object| object.metadata.name.unwrap());
        names.filter(|name| name != "demo-producers-2").collect()
    }
}

/// Replaces the hash in the schema Job's name, which depends on the pipeline's uid.
fn without_hash(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for (number, part) in text.split("demo-schema-").enumerate() {
        let is_hash = part.len() >= 8 && part.as_bytes()[..8].iter().all(u8::is_ascii_hexdigit);
        words.push(if number > 0 && is_hash { format!("HASH{}", &part[8..]) } else { part.to_owned() });
    }
    words.join("demo-schema-")
}
