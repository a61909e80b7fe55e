//! One operator for several namespaces, with a role in each of them.

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

/// Lets the operator manage pipelines in this namespace.
fn permit(server: &ApiServer, namespace: &str) {
    let role = "--clusterrole=eventpipeline-operator-test";
    let binding =
        ["create", "rolebinding", "operator", role, "--user=eventpipeline-operator", "-n", namespace];
    server.kubectl(binding).unwrap();
}

async fn forbidden(server: &ApiServer, namespace: &str) {
    until(format!("no permission in {namespace}"), async || {
        let asked = ["auth", "can-i", "list", "jobs", "--as=eventpipeline-operator", "-n", namespace];
        server.kubectl(asked).err()
    })
    .await;
}

async fn is_managed(cluster: &Cluster) {
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let producers = cluster.api::<Deployment>().get("demo-producer-default").await.unwrap();
    assert_eq!(producers.spec.unwrap().replicas, Some(2));
}

/// On a server of its own, because the shared one has a role for all namespaces.
#[tokio::test]
async fn each_namespace_is_managed_as_far_as_permitted() {
    let server: &'static ApiServer = Box::leak(Box::new(ApiServer::start().await));
    let one = Cluster::with(server, "one").await;
    server.kubectl(["delete", "clusterrolebinding", "eventpipeline-operator-test"]).unwrap();
    for namespace in ["two", "late", "other"] {
        server.kubectl(["create", "namespace", namespace]).unwrap();
    }
    let within =
        |namespace: &str| Cluster { server, client: one.client.clone(), namespace: namespace.to_owned() };
    let (two, late, other) = (within("two"), within("late"), within("other"));
    permit(server, "one");
    permit(server, "two");
    forbidden(server, "late").await;
    for cluster in [&one, &two, &late, &other] {
        cluster.apply("demo", json!({})).await.unwrap();
    }

    let operator = Operator::start(server, "one,two,late");
    is_managed(&one).await;
    is_managed(&two).await;
    until("the namespace without permission", async || {
        let why = operator.get("/readyz")?;
        (why.contains("in namespace late: ") && why.contains("forbidden")).then_some(())
    })
    .await;

    permit(server, "late");
    operator.becomes_ready().await;
    is_managed(&late).await;
    let ignored = other.api::<EventPipeline>().get("demo").await.unwrap().status;
    assert_eq!(ignored.unwrap().observed_generation, Some(-1));

    // A list of one namespace leaves the pipelines of others alone: they still follow changes.
    for cluster in [&one, &late] {
        cluster.apply("demo", json!({"suspend": true})).await.unwrap();
        until("no consumers", async || {
            let consumers = Api::<Deployment>::namespaced(cluster.client.clone(), &cluster.namespace);
            let consumers = consumers.get("demo-consumer-default").await.unwrap();
            (consumers.spec.unwrap().replicas == Some(0)).then_some(())
        })
        .await;
    }
}
