//! Deletions in any order. None of them hangs or needs a running operator, and all objects that are left can
//! be found.
//!
//! No garbage collector runs here. The tests check the owner references that it would follow.

use std::collections::BTreeSet;

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::cluster::{Cluster, install_definition, until};
use super::operator::Operator;

/// All kinds that the operator writes.
const KINDS: &str = "secret,service,statefulset,job,deployment,ingress,networkpolicy,poddisruptionbudget,hpa";

/// Returns each `Kind name` of the pipeline's objects, after checking their metadata.
fn objects(cluster: &Cluster, uid: &str) -> BTreeSet<String> {
    let label = "app.kubernetes.io/instance=demo,app.kubernetes.io/managed-by=eventpipeline-operator";
    let get = ["get", KINDS, "-n", &cluster.namespace, "-l", label, "-o", "json"];
    let list: Value = serde_json::from_str(&cluster.server.kubectl(get).unwrap()).unwrap();
    let objects = list["items"].as_array().unwrap().iter().map(|object| {
        let metadata = &object["metadata"];
        let name = format!("{} {}", object["kind"].as_str().unwrap(), metadata["name"].as_str().unwrap());
        assert!(metadata["finalizers"].is_null(), "{name}: {metadata}");
        // Objects that match the data stay with it.
        if name.starts_with("Secret ") && !name.contains("-tls-") {
            assert!(metadata["ownerReferences"].is_null(), "{name}: {metadata}");
        } else {
            let owners = metadata["ownerReferences"].as_array().unwrap();
            assert_eq!(owners.len(), 1, "{name}");
            assert_eq!(owners[0]["uid"], uid, "{name}");
            assert_eq!(owners[0]["controller"], true, "{name}");
        }
        name
    });
    objects.collect()
}

/// Deletes the pipeline, which must be gone when the call returns.
async fn delete_at_once(cluster: &Cluster) {
    let api = cluster.api::<EventPipeline>();
    let pipeline = api.get("demo").await.unwrap();
    assert!(pipeline.finalizers().is_empty());
    let found = objects(cluster, &pipeline.uid().unwrap());
    assert!(found.len() > 8, "{found:?}");
    api.delete("demo", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("demo").await.unwrap().is_none());
}

#[tokio::test]
async fn a_pipeline_is_deleted_without_a_running_operator() {
    let cluster = Cluster::new("orphaned").await;
    let operator = Operator::ready(cluster.server, "orphaned").await;
    cluster
        .apply("demo", json!({"producers": [{"name": "a", "autoscaling": {"cpu": {"maxReplicas": 3}}}]}))
        .await
        .unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    drop(operator);
    delete_at_once(&cluster).await;
}

#[tokio::test]
async fn a_suspended_pipeline_is_deleted() {
    let cluster = Cluster::new("suspended-deletion").await;
    let _operator = Operator::ready(cluster.server, "suspended-deletion").await;
    cluster.apply("demo", json!({"suspend": true})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    delete_at_once(&cluster).await;
}

#[tokio::test]
async fn a_stalled_pipeline_is_deleted() {
    let cluster = Cluster::new("stalled-deletion").await;
    let _operator = Operator::ready(cluster.server, "stalled-deletion").await;
    // A Deployment of another owner, whose selector can't be changed into ours.
    let labels = json!({"app": "other"});
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "demo-producer-default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
        },
    });
    let foreign: Deployment = serde_json::from_value(foreign).unwrap();
    cluster.api::<Deployment>().create(&PostParams::default(), &foreign).await.unwrap();
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Stalled", "True/NameTaken").await;
    delete_at_once(&cluster).await;
}

/// A terminating namespace accepts no new objects. Its objects can be deleted in any order.
#[tokio::test]
async fn a_terminating_namespace_can_be_emptied() {
    let cluster = Cluster::new("leaving").await;
    let operator = Operator::ready(cluster.server, "leaving").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let namespaces = Api::<Namespace>::all(cluster.client.clone());
    namespaces.delete("leaving", &DeleteParams::default()).await.unwrap();
    let before = operator.reconciles("success");
    cluster.delete::<Service>("demo-producers").await;
    until("a reconciliation", async || (operator.reconciles("success") > before).then_some(())).await;
    assert!(!operator.log().contains("failed to"), "{}", operator.log());
    delete_at_once(&cluster).await;
    let all = ["delete", KINDS, "--all", "-n", "leaving", "--timeout=60s"];
    cluster.server.kubectl(all).unwrap();
    assert!(operator.get("/livez").is_some_and(|answer| answer.contains(" 200 ")));
}

/// The API server deletes the pipelines with their definition. The operator waits for a new definition.
#[tokio::test]
async fn a_deleted_definition_deletes_its_pipelines_and_can_be_installed_again() {
    // On a server of its own, because the other tests need the definition.
    let server: &'static ApiServer = Box::leak(Box::new(ApiServer::start().await));
    let cluster = Cluster::with(server, "definition").await;
    let operator = Operator::ready(server, "definition").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let name = "crd/eventpipelines.eventpipeline.dev";
    server.kubectl(["delete", name, "--timeout=50s"]).unwrap();
    assert!(server.kubectl(["get", name]).is_err());

    install_definition(server);
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let uid = cluster.api::<EventPipeline>().get("demo").await.unwrap().uid().unwrap();
    until("the objects to have the new owner", async || {
        let owner = cluster.api::<Service>().get("demo-producers").await.unwrap().metadata.owner_references?;
        owner.iter().any(|owner| owner.uid == uid).then_some(())
    })
    .await;
    assert!(operator.get("/livez").is_some_and(|answer| answer.contains(" 200 ")));
    assert!(!operator.log().contains("panicked"));
}
