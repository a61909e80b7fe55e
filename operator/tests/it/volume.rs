//! The volume is expanded with the spec, without a running database.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::cluster::{Cluster, until, value};
use super::operator::Operator;
use super::reconcile::at_rest;

async fn class(cluster: &Cluster, name: &str, grows: bool) {
    let class = json!({
        "metadata": {"name": name}, "provisioner": "example.com/none", "allowVolumeExpansion": grows,
    });
    let class: StorageClass = serde_json::from_value(class).unwrap();
    Api::all(cluster.client.clone()).create(&PostParams::default(), &class).await.unwrap();
}

/// Creates a bound claim, as the StatefulSet's controller would.
async fn claim(cluster: &Cluster, pipeline: &str, class: &str, size: &str) {
    let name = format!("data-{pipeline}-mysql-0");
    let claim = json!({
        "metadata": {"name": name, "labels": {
            "app.kubernetes.io/managed-by": "eventpipeline-operator", "app.kubernetes.io/instance": pipeline,
        }},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeName": format!("{pipeline}-volume"),
            "resources": {"requests": {"storage": size}},
        },
    });
    let claim: PersistentVolumeClaim = serde_json::from_value(claim).unwrap();
    cluster.api().create(&PostParams::default(), &claim).await.unwrap();
    let status = json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}});
    cluster.write_status::<PersistentVolumeClaim>(&name, status).await;
}

async fn asked(cluster: &Cluster, pipeline: &str) -> Value {
    let name = format!("data-{pipeline}-mysql-0");
    let claim = cluster.api::<PersistentVolumeClaim>().get(&name).await.unwrap();
    value(&claim)["spec"]["resources"]["requests"]["storage"].clone()
}

fn storage(size: &str, class: &str) -> Value {
    json!({"database": {"managed": {"storage": {"size": size, "className": class}}}})
}

#[tokio::test]
async fn a_volume_is_expanded_without_a_running_database_and_its_template_stays() {
    let cluster = Cluster::new("volume-grows").await;
    class(&cluster, "grows", true).await;
    let operator = Operator::ready(cluster.server, "volume-grows").await;
    cluster.apply("demo", storage("2Gi", "grows")).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    // The StatefulSet is observed; its claim template stays.
    at_rest(&cluster, &operator, "PATCH").await;
    claim(&cluster, "demo", "grows", "2Gi").await;
    cluster.apply("demo", storage("5Gi", "grows")).await.unwrap();
    until("the claim to request more", async || (asked(&cluster, "demo").await == "5Gi").then_some(())).await;
    cluster.condition_is("demo", "Stalled", "False/NotStalled").await;
    let stateful_set = cluster.api::<StatefulSet>().get("demo-mysql").await.unwrap();
    let template = &value(&stateful_set)["spec"]["volumeClaimTemplates"][0];
    assert_eq!(template["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(operator.reconciles("error"), 0);
}

#[tokio::test]
async fn a_larger_volume_is_left_alone_and_holds_up_nothing() {
    let cluster = Cluster::new("volume-larger").await;
    class(&cluster, "larger", true).await;
    // The claim of an earlier pipeline of that name, expanded by hand.
    claim(&cluster, "demo", "larger", "20Gi").await;
    let operator = Operator::ready(cluster.server, "volume-larger").await;
    cluster.apply("demo", storage("2Gi", "larger")).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    at_rest(&cluster, &operator, "PATCH").await;
    cluster.apply("demo", storage("3Gi", "larger")).await.unwrap();
    until("the change to be observed", async || {
        let pipeline = cluster.api::<eventpipeline_crds::EventPipeline>().get("demo").await.unwrap();
        (pipeline.status?.observed_generation == pipeline.metadata.generation).then_some(())
    })
    .await;
    assert_eq!(asked(&cluster, "demo").await, "20Gi");
    assert_eq!(operator.reconciles("error"), 0);
}

#[tokio::test]
async fn a_refused_expansion_is_reported_and_holds_up_nothing() {
    let cluster = Cluster::new("volume-fixed").await;
    class(&cluster, "fixed", false).await;
    let _operator = Operator::ready(cluster.server, "volume-fixed").await;
    cluster.apply("demo", storage("2Gi", "fixed")).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    claim(&cluster, "demo", "fixed", "2Gi").await;
    let mut more = storage("5Gi", "fixed");
    more["producers"] = json!([{"name": "new"}]);
    cluster.apply("demo", more).await.unwrap();
    cluster.condition_is("demo", "Stalled", "True/VolumeNotGrown").await;
    let deployments = cluster.names::<k8s_openapi::api::apps::v1::Deployment>().await;
    assert!(deployments.contains(&"demo-producer-new".to_owned()), "{deployments:?}");
}
