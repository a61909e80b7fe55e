//! The life of a pipeline.

use std::collections::BTreeMap;
use std::pin::pin;

use eventpipeline_crds::EventPipeline;
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;

use super::cluster::{Cluster, job_succeeded, pods_ready, stateful_set_ready, until, value};
use super::operator::Operator;

/// Returns name and resource version of each object of the pipeline.
async fn versions(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    macro_rules! collect {
        ($($kind:ty),*) => {$(
            for object in cluster.api::<$kind>().list(&ListParams::default()).await.unwrap() {
                let kind = <$kind as kube::Resource>::kind(&());
                versions.insert(format!("{kind} {}", object.name_any()), object.resource_version().unwrap());
            }
        )*};
    }
    collect!(
        EventPipeline,
        Secret,
        Service,
        StatefulSet,
        Job,
        Deployment,
        Ingress,
        NetworkPolicy,
        PodDisruptionBudget
    );
    versions
}

/// Triggers a reconciliation by an irrelevant change, and waits until it is over.
pub(crate) async fn another_reconcile(cluster: &Cluster, operator: &Operator) {
    let before = operator.reconciles("success");
    let touch = json!({"metadata": {"annotations": {"example.com/touched": before.to_string()}}});
    cluster
        .api::<EventPipeline>()
        .patch("demo", &PatchParams::default(), &Patch::Merge(touch))
        .await
        .unwrap();
    until("another reconciliation", async || (operator.reconciles("success") > before).then_some(())).await;
}

/// Triggers reconciliations until two in a row make no call with this method, or no call at all if it is empty.
/// Then the operator has observed everything that it has written.
pub(crate) async fn at_rest(cluster: &Cluster, operator: &Operator, method: &str) {
    until(format!("two reconciliations without a call {method}"), async || {
        let calls = operator.requests(method);
        another_reconcile(cluster, operator).await;
        another_reconcile(cluster, operator).await;
        (operator.requests(method) == calls).then_some(())
    })
    .await;
}

/// Returns whether the name contains a hash or a uid.
fn unforeseen(name: &str) -> bool {
    name.starts_with("Job ") || name.starts_with("Secret demo-mysql-tls-")
}

#[tokio::test]
async fn a_pipeline_gets_its_objects_and_status() {
    let cluster = Cluster::new("objects").await;
    let _operator = Operator::ready(cluster.server, "objects").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.condition_is("demo", "Reconciling", "True/DatabaseNotReady").await;
    cluster.condition_is("demo", "Stalled", "False/NotStalled").await;

    let versions = versions(&cluster).await;
    let names: Vec<&str> = versions.keys().map(String::as_str).filter(|name| !unforeseen(name)).collect();
    assert_eq!(
        names,
        [
            "Deployment demo-consumer-default",
            "Deployment demo-producer-default",
            "EventPipeline demo",
            "NetworkPolicy demo-consumer",
            "NetworkPolicy demo-mysql",
            "NetworkPolicy demo-producer",
            "NetworkPolicy demo-schema",
            "PodDisruptionBudget demo-consumer-default",
            "PodDisruptionBudget demo-mysql",
            "PodDisruptionBudget demo-producer-default",
            "Secret demo-mysql",
            "Secret demo-mysql-schema",
            "Secret demo-mysql-users-1",
            "Service demo-mysql",
            "Service demo-producers",
            "Service demo-wakeups",
            "StatefulSet demo-mysql",
        ]
    );
    let pipeline = cluster.api::<EventPipeline>().get("demo").await.unwrap();
    assert_eq!(pipeline.status.clone().unwrap().observed_generation, pipeline.metadata.generation);
    // Everything except the data is deleted with the pipeline.
    let owner = |owners: &[_]| value(&owners)[0]["uid"].clone();
    let deployment = cluster.api::<Deployment>().get("demo-producer-default").await.unwrap();
    assert_eq!(owner(deployment.owner_references()), json!(pipeline.uid().unwrap()));
    let secret = cluster.api::<Secret>().get("demo-mysql").await.unwrap();
    assert!(secret.owner_references().is_empty());
    let keys: Vec<_> = secret.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["root-password"]);
}

/// Tools consider a resource without conditions as ready.
#[tokio::test]
async fn the_first_status_is_unknown() {
    let cluster = Cluster::new("first").await;
    let _operator = Operator::ready(cluster.server, "first").await;
    let pipelines = cluster.api::<EventPipeline>();
    let mut changes = pin!(pipelines.watch(&WatchParams::default(), "0").await.unwrap());
    cluster.apply("demo", json!({})).await.unwrap();
    let first = loop {
        if let WatchEvent::Modified(pipeline) = changes.next().await.unwrap().unwrap() {
            break pipeline.status.unwrap();
        }
    };
    let shown: Vec<_> = first
        .conditions
        .iter()
        .map(|condition| format!("{}={}/{}", condition.type_, condition.status, condition.reason))
        .collect();
    assert_eq!(shown, ["Ready=Unknown/FirstSeen", "Reconciling=True/FirstSeen", "Stalled=False/NotStalled"]);
    assert_eq!(first.observed_generation, Some(1));
}

#[tokio::test]
async fn a_pipeline_becomes_ready_with_its_components_and_unready_when_one_fails() {
    let cluster = Cluster::new("ready").await;
    let _operator = Operator::ready(cluster.server, "ready").await;
    cluster
        .apply("demo", json!({"consumers": [{"name": "words"}, {"name": "off", "suspend": true}]}))
        .await
        .unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;

    cluster.write_status::<StatefulSet>("demo-mysql", stateful_set_ready()).await;
    cluster.condition_is("demo", "Ready", "False/SchemaNotReady").await;
    let job = cluster.names::<Job>().await.remove(0);
    cluster.write_status::<Job>(&job, job_succeeded()).await;
    cluster.condition_is("demo", "Ready", "False/ProducersNotReady").await;
    for (deployment, pods) in
        [("demo-producer-default", 2), ("demo-consumer-words", 2), ("demo-consumer-off", 0)]
    {
        cluster.write_status::<Deployment>(deployment, pods_ready(pods)).await;
    }
    cluster.condition_is("demo", "Ready", "True/AsSpecified").await;
    cluster.condition_is("demo", "Reconciling", "False/AsSpecified").await;
    // The columns of `kubectl get`.
    let row = cluster.server.kubectl(["get", "evp", "demo", "-n", "ready", "--no-headers"]).unwrap();
    assert_eq!(row.split_whitespace().take(5).collect::<Vec<_>>(), ["demo", "True", "AsSpecified", "2", "2"]);

    cluster
        .write_status::<Deployment>(
            "demo-consumer-words",
            json!({"readyReplicas": 1, "availableReplicas": 1}),
        )
        .await;
    cluster.condition_is("demo", "Ready", "False/ConsumersNotReady").await;
}

#[tokio::test]
async fn a_steady_pipeline_causes_no_calls() {
    let cluster = Cluster::new("steady").await;
    let operator = Operator::ready(cluster.server, "steady").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.everything_ready("demo").await;
    cluster.condition_is("demo", "BacklogInTime", "Unknown/NoProducer").await;
    at_rest(&cluster, &operator, "").await;
    let mut before = versions(&cluster).await;
    at_rest(&cluster, &operator, "").await;
    let mut after = versions(&cluster).await;
    // The annotation that triggers the reconciliation.
    before.remove("EventPipeline demo");
    after.remove("EventPipeline demo");
    assert_eq!(before, after);
    assert_eq!(operator.reconciles("error"), 0);

    // A restarted operator writes only the Secrets, and the StatefulSet, whose claim template the server
    // completes.
    drop(operator);
    let operator = Operator::ready(cluster.server, "steady").await;
    another_reconcile(&cluster, &operator).await;
    assert_eq!((operator.requests("PATCH"), operator.requests("POST")), (1, 4));
}

#[tokio::test]
async fn suspending_a_group_does_not_change_its_template() {
    let cluster = Cluster::new("suspend").await;
    let _operator = Operator::ready(cluster.server, "suspend").await;
    let spec = |suspend: bool| json!({"consumers": [{"name": "a", "replicas": 3, "suspend": suspend}]});
    let deployment = async || cluster.api::<Deployment>().get("demo-consumer-a").await.ok()?.spec;
    cluster.apply("demo", spec(false)).await.unwrap();
    let before = until("the group", async || deployment().await).await;
    cluster.apply("demo", spec(true)).await.unwrap();
    let after =
        until("no replicas", async || deployment().await.filter(|spec| spec.replicas == Some(0))).await;
    assert_eq!(before.template, after.template);
    cluster.apply("demo", spec(false)).await.unwrap();
    until("three replicas", async || deployment().await.filter(|spec| spec.replicas == Some(3))).await;
}

/// After `kubectl delete --cascade=foreground` the pipeline stays until its objects are deleted. They must
/// not be recreated.
#[tokio::test]
async fn objects_of_a_terminating_pipeline_are_not_recreated() {
    let cluster = Cluster::new("deletion").await;
    let operator = Operator::ready(cluster.server, "deletion").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.api::<EventPipeline>().delete("demo", &DeleteParams::foreground()).await.unwrap();
    // A running reconciliation may still write; a later one must not.
    until("a Service that stays deleted", async || {
        let services = cluster.api::<Service>();
        let _ = services.delete("demo-producers", &DeleteParams::default()).await;
        another_reconcile(&cluster, &operator).await;
        another_reconcile(&cluster, &operator).await;
        services.get_opt("demo-producers").await.unwrap().is_none().then_some(())
    })
    .await;
    assert_eq!(operator.reconciles("error"), 0);
    let left = cluster.api::<EventPipeline>().get("demo").await.unwrap();
    assert!(left.metadata.deletion_timestamp.is_some());
}
