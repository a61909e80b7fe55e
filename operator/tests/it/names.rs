//! Objects of other owners are never written, whatever their names.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::cluster::{Cluster, until, value};
use super::operator::Operator;

/// An object of another owner.
struct Foreign {
    api: Api<DynamicObject>,
    kind: String,
    name: String,
    before: Value,
}

impl Foreign {
    async fn create(cluster: &Cluster, object: Value) -> Self {
        let text = |path: &str| object.pointer(path).unwrap().as_str().unwrap().to_owned();
        let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, &kind);
        let resource = ApiResource::from_gvk(&gvk);
        let api = Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &resource);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let before = value(&api.create(&PostParams::default(), &object).await.unwrap());
        Self { api, kind, name, before }
    }

    /// Checks that the object is unchanged, including its version and field owners.
    async fn is_untouched(&self) {
        let now = value(&self.api.get(&self.name).await.unwrap());
        assert_eq!(now, self.before, "{} {}", self.kind, self.name);
    }
}

fn pods() -> Value {
    let labels = json!({"app": "other"});
    json!({
        "selector": {"matchLabels": labels}, "serviceName": "x",
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
    })
}

fn deployment_spec() -> Value {
    let mut spec = pods();
    spec.as_object_mut().unwrap().remove("serviceName");
    spec
}

/// Returns an object of each kind with a predictable name, an object of the pipeline that is applied
/// nevertheless, and one that is missing because it needs the name.
fn cases() -> Vec<(Value, &'static str, Option<&'static str>)> {
    let object = |version: &str, kind: &str, suffix: &str, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": {"name": suffix}, "spec": spec});
    let port = json!({"clusterIP": "None", "selector": {"app": "other"}, "ports": [{"port": 3306}]});
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}});
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"});
    vec![
        (object("v1", "Service", "-mysql", port.clone()), "service/P-wakeups", Some("statefulset/P-mysql")),
        (
            object("apps/v1", "StatefulSet", "-mysql", pods()),
            "service/P-wakeups",
            Some("deployment/P-producer-default"),
        ),
        (
            object("v1", "PersistentVolumeClaim", "data-P-mysql-0", claim),
            "service/P-wakeups",
            Some("statefulset/P-mysql"),
        ),
        (object("v1", "Service", "-producers", port), "deployment/P-consumer-default", Some("ingress/P")),
        (
            object("apps/v1", "Deployment", "-producer-default", deployment_spec()),
            "deployment/P-consumer-default",
            Some("hpa/P-producer-default"),
        ),
        (
            object("networking.k8s.io/v1", "Ingress", "", json!({"defaultBackend": backend})),
            "deployment/P-producer-default",
            None,
        ),
        (
            object(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                "-producer",
                json!({"podSelector": {"matchLabels": {"a": "b"}}}),
            ),
            "deployment/P-consumer-default",
            Some("deployment/P-producer-default"),
        ),
        (
            object(
                "policy/v1",
                "PodDisruptionBudget",
                "-producer-default",
                json!({"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}),
            ),
            "deployment/P-producer-default",
            None,
        ),
        (
            object(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "-producer-default",
                json!({"maxReplicas": 3, "scaleTargetRef": target}),
            ),
            "deployment/P-producer-default",
            None,
        ),
    ]
}

fn spec(pipeline: &str) -> Value {
    let cpu = json!({"cpu": {"maxReplicas": 3}});
    json!({
        "producers": [{"name": "default", "autoscaling": cpu}],
        "route": {"ingress": {"host": format!("{pipeline}.example.com")}},
    })
}

#[tokio::test]
async fn a_taken_name_is_reported_and_other_objects_are_applied() {
    let cluster = Cluster::new("names").await;
    let _operator = Operator::ready(cluster.server, "names").await;
    let mut all = Vec::new();
    for (number, (mut object, there, absent)) in cases().into_iter().enumerate() {
        let pipeline = format!("shop{number}");
        let suffix = object["metadata"]["name"].as_str().unwrap().to_owned();
        let name =
            if suffix.contains('P') { suffix.replace('P', &pipeline) } else { format!("{pipeline}{suffix}") };
        object["metadata"]["name"] = json!(name);
        let foreign = Foreign::create(&cluster, object).await;
        cluster.apply(&pipeline, spec(&pipeline)).await.unwrap();
        all.push((pipeline, foreign, there, absent));
    }
    for (pipeline, foreign, there, absent) in &all {
        println!("{pipeline}: {} {}", foreign.kind, foreign.name);
        cluster.condition_is(pipeline, "Stalled", "True/NameTaken").await;
        let status = cluster.api::<EventPipeline>().get(pipeline).await.unwrap().status.unwrap();
        let stalled = status.conditions.into_iter().find(|condition| condition.type_ == "Stalled").unwrap();
        let expected = format!("{} {} belongs to another owner", foreign.kind, foreign.name);
        assert!(stalled.message.contains(&expected), "{}", stalled.message);
        let get = |of: &str| cluster.server.kubectl(["get", &of.replace('P', pipeline), "-n", "names"]);
        until(*there, async || get(there).ok()).await;
        if let Some(absent) = absent {
            assert!(get(absent).is_err(), "{absent} of {pipeline}");
        }
        foreign.is_untouched().await;
    }
    // The pipeline uses the name as soon as it is free.
    let (pipeline, foreign, ..) = &all[0];
    foreign.api.delete(&foreign.name, &DeleteParams::default()).await.unwrap();
    cluster.condition_is(pipeline, "Stalled", "False/NotStalled").await;
    for (pipeline, ..) in &all {
        cluster.delete::<EventPipeline>(pipeline).await;
    }
    for (_, foreign, ..) in &all[1..] {
        foreign.is_untouched().await;
    }
}

/// A restored backup contains them with their former owner or with none.
#[tokio::test]
async fn objects_of_an_earlier_pipeline_of_that_name_are_adopted() {
    let cluster = Cluster::new("left").await;
    let _operator = Operator::ready(cluster.server, "left").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let services = cluster.api::<Service>();
    cluster.delete::<EventPipeline>("demo").await;
    for (name, strip) in [("demo-wakeups", true), ("demo-producers", false)] {
        // No garbage collector runs here.
        let mut service = services.get(name).await.unwrap();
        services.delete(name, &DeleteParams::default()).await.unwrap();
        let metadata = &mut service.metadata;
        (metadata.uid, metadata.resource_version, metadata.managed_fields) = (None, None, None);
        if strip {
            metadata.owner_references = None;
        }
        let spec = service.spec.as_mut().unwrap();
        (spec.cluster_ip, spec.cluster_ips) = (spec.cluster_ip.take().filter(|ip| ip == "None"), None);
        services.create(&PostParams::default(), &service).await.unwrap();
    }
    cluster.apply("demo", json!({})).await.unwrap();
    let uid = cluster.api::<EventPipeline>().get("demo").await.unwrap().uid().unwrap();
    for name in ["demo-wakeups", "demo-producers"] {
        until(format!("{name} to have the new owner alone"), async || {
            let owners = services.get(name).await.unwrap().metadata.owner_references?;
            (owners.len() == 1 && owners[0].uid == uid).then_some(())
        })
        .await;
    }
}
