//! Causes of unready pods, from their status in the API server.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::programs::{Program, pod};

#[tokio::test]
async fn a_crash_loop_is_reported_with_its_last_line() {
    let cluster = Cluster::new("crash").await;
    let _operator = Operator::ready(cluster.server, "crash").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "ProducersReady", "False/PodsStarting").await;
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &Program::start()).await;
    let crash = json!({
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{
            "name": "producer", "image": "x", "imageID": "x", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "first\nthe password is wrong\n"}},
        }],
    });
    cluster.write_status::<Pod>("demo-producer-1", crash).await;
    cluster.condition_is("demo", "ProducersReady", "False/CrashLoop").await;
    let status = cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap();
    let ready = status.conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
    let expected =
        "pod demo-producer-1: container producer exited with code 1, after 3 restarts: the password is wrong";
    assert!(ready.message.contains(expected), "{}", ready.message);
}

/// Publishes the Event of a workload's controller that can't create pods.
async fn refused(cluster: &Cluster, kind: &str, (name, uid): (&str, &str), message: &str) {
    let event = json!({
        "metadata": {"generateName": "refused-"},
        "involvedObject": {"kind": kind, "namespace": cluster.namespace, "name": name, "uid": uid},
        "reason": "FailedCreate", "message": message, "type": "Warning",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    });
    let event: Event = serde_json::from_value(event).unwrap();
    cluster.api::<Event>().create(&PostParams::default(), &event).await.unwrap();
}

async fn message_of(cluster: &Cluster, type_: &str) -> String {
    let status = cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap();
    status.conditions.into_iter().find(|condition| condition.type_ == type_).unwrap().message
}

/// Neither a StatefulSet nor a Job has a condition for it, and no pod exists that could be described.
#[tokio::test]
async fn refused_pods_are_reported_in_the_servers_words() {
    let cluster = Cluster::new("no-pods").await;
    let _operator = Operator::ready(cluster.server, "no-pods").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let stateful_set = cluster.api::<StatefulSet>().get("demo-mysql").await.unwrap();
    let job = cluster.api::<Job>().list(&ListParams::default()).await.unwrap().items.remove(0);
    let [set, uid_of_job] = [stateful_set.meta(), job.meta()].map(|meta| meta.uid.clone().unwrap());

    // An Event about an earlier object of that name.
    refused(&cluster, "StatefulSet", ("demo-mysql", "00000000-0000-0000-0000-000000000001"), "of before")
        .await;
    let quota = "create Pod demo-mysql-0 in StatefulSet demo-mysql failed error: exceeded quota: q";
    refused(&cluster, "StatefulSet", ("demo-mysql", &set), quota).await;
    let limits = "Error creating: pods is forbidden: minimum cpu usage per Container is 50m";
    refused(&cluster, "Job", (&job.name_any(), &uid_of_job), limits).await;

    cluster.condition_is("demo", "DatabaseReady", "False/QuotaExceeded").await;
    cluster.condition_is("demo", "SchemaReady", "False/PodsRefused").await;
    assert!(message_of(&cluster, "DatabaseReady").await.ends_with(quota));
    assert!(message_of(&cluster, "SchemaReady").await.ends_with(limits));

    cluster.write_status::<StatefulSet>("demo-mysql", json!({"observedGeneration": 1, "replicas": 1})).await;
    until("the refusal to disappear", async || {
        message_of(&cluster, "DatabaseReady").await.ends_with("pod demo-mysql-0 is not ready").then_some(())
    })
    .await;
}
