//! The number of consumers follows the queue, and a scale-in removes idle consumers first.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::programs::{Program, pod, queue};
use super::reconcile::at_rest;

const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

async fn deployment(cluster: &Cluster) -> DeploymentSpec {
    let name = "demo-consumer-default";
    until(name, async || cluster.api::<Deployment>().get(name).await.ok()?.spec).await
}

async fn replicas_become(cluster: &Cluster, wanted: i32) {
    until(format!("{wanted} replicas"), async || {
        (deployment(cluster).await.replicas == Some(wanted)).then_some(())
    })
    .await;
}

/// Starts a producer with these queue statistics. Pods are watched in the order of their changes, so once the
/// operator observes the producer it has observed all earlier pods.
async fn producer(cluster: &Cluster, name: &str, queue: Value) -> Program {
    let program = Program::start();
    program.set_page("/queue", queue);
    pod(cluster, name, ("demo", "producer"), &program).await;
    program
}

/// Starts consumers with this number of claims and this age of the oldest one.
async fn consumers(cluster: &Cluster, works: &[(i64, f64)]) -> Vec<Program> {
    let mut programs = Vec::new();
    for (number, (events, seconds)) in works.iter().enumerate() {
        let program = Program::start();
        program.set_page("/work", json!({"events": events, "oldestSeconds": seconds}));
        pod(cluster, &format!("demo-consumer-{number}"), ("demo", "consumer"), &program).await;
        programs.push(program);
    }
    programs
}

async fn costs(cluster: &Cluster) -> Vec<Option<String>> {
    let pods = cluster.api::<Pod>().list(&ListParams::default()).await.unwrap();
    let consumers =
        pods.items.into_iter().filter(|pod| pod.metadata.name.as_ref().unwrap().contains("consumer"));
    consumers.map(|pod| pod.metadata.annotations.unwrap_or_default().remove(COST)).collect()
}

#[tokio::test]
async fn a_group_follows_the_backlog_and_busy_consumers_stay() {
    let cluster = Cluster::new("scale").await;
    let operator = Operator::ready(cluster.server, "scale").await;
    let rules = json!({
        "minReplicas": 0, "maxReplicas": 5, "targetBacklogPerReplica": 10, "scaleUpCooldownSeconds": 0,
        "scaleDownCooldownSeconds": 2,
    });
    let spec = json!({"consumers": [{"name": "default", "autoscaling": {"backlog": rules}}]});
    cluster.apply("demo", spec).await.unwrap();
    let before = deployment(&cluster).await;
    assert_eq!(before.replicas, Some(0));
    let first = producer(&cluster, "demo-producer-1", queue(30, 0, Some(1.0))).await;
    replicas_become(&cluster, 3).await;
    assert_eq!(deployment(&cluster).await.template, before.template);

    // Two consumers are busy with events that may take longer than the grace period.
    let consumers = consumers(&cluster, &[(0, 0.0), (1, 100.0), (2, 100.0)]).await;
    // The second producer is observed after the consumers.
    first.remove_pages();
    let producer = producer(&cluster, "demo-producer-2", queue(0, 3, None)).await;
    replicas_become(&cluster, 2).await;
    assert_eq!(costs(&cluster).await, [None, Some("1".to_owned()), Some("2".to_owned())]);
    let group = async || {
        let status = cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap();
        status.consumer_groups.into_iter().next()
    };
    let waits = "waiting to scale in: 2 of 3 consumers are busy";
    until(waits, async || group().await.filter(|group| group.message.as_deref() == Some(waits))).await;
    until("an Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
        events.into_iter().find(|event| event.note.as_ref().is_some_and(|note| note.contains(waits)))
    })
    .await;

    for consumer in &consumers {
        consumer.set_page("/work", json!({"events": 0, "oldestSeconds": 0.0}));
    }
    producer.set_page("/queue", queue(0, 0, None));
    replicas_become(&cluster, 0).await;
    producer.set_page("/queue", queue(1, 0, Some(0.1)));
    replicas_become(&cluster, 1).await;
    // The operator reverts changes of the number by other clients.
    let patch = Patch::Merge(json!({"spec": {"replicas": 4}}));
    let deployments = cluster.api::<Deployment>();
    deployments.patch("demo-consumer-default", &PatchParams::default(), &patch).await.unwrap();
    replicas_become(&cluster, 1).await;
    assert_eq!(deployment(&cluster).await.template, before.template);
    assert_eq!(operator.reconciles("error"), 0);
}

#[tokio::test]
async fn idle_consumers_are_removed_first_when_replicas_is_edited() {
    let cluster = Cluster::new("scale-by-hand").await;
    let operator = Operator::ready(cluster.server, "scale-by-hand").await;
    let spec = |replicas: i32| json!({"consumers": [{"name": "default", "replicas": replicas}]});
    cluster.apply("demo", spec(3)).await.unwrap();
    replicas_become(&cluster, 3).await;
    let _consumers = consumers(&cluster, &[(7, 0.1), (0, 0.0), (0, 0.0)]).await;
    let _producer = producer(&cluster, "demo-producer-1", queue(0, 0, None)).await;
    cluster.condition_is("demo", "BacklogInTime", "True/BacklogEmpty").await;
    // The consumers are observed; once nothing more is written, so is the Deployment.
    at_rest(&cluster, &operator, "PATCH").await;
    cluster.apply("demo", spec(1)).await.unwrap();
    replicas_become(&cluster, 1).await;
    assert_eq!(costs(&cluster).await, [Some("7".to_owned()), None, None]);
}

#[tokio::test]
async fn a_suspended_pipeline_is_ready_without_consumers_and_resumes_with_its_former_number() {
    let cluster = Cluster::new("suspended").await;
    let _operator = Operator::ready(cluster.server, "suspended").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.everything_ready("demo").await;
    let before = deployment(&cluster).await;
    cluster.apply("demo", json!({"suspend": true})).await.unwrap();
    // The status does not wait for pods to terminate, which no controller does here.
    cluster.condition_is("demo", "ConsumersReady", "True/Suspended").await;
    cluster.condition_is("demo", "Ready", "True/Suspended").await;
    let suspended = deployment(&cluster).await;
    assert_eq!((suspended.replicas, suspended.template), (Some(0), before.template));
    let producers = cluster.api::<Deployment>().get("demo-producer-default").await.unwrap();
    assert_eq!(producers.spec.unwrap().replicas, Some(2));
    cluster.apply("demo", json!({"suspend": false})).await.unwrap();
    replicas_become(&cluster, 2).await;
}

#[tokio::test]
async fn groups_share_the_backlog_in_order_and_one_stays_for_claimed_events() {
    let cluster = Cluster::new("scale-groups").await;
    let _operator = Operator::ready(cluster.server, "scale-groups").await;
    cluster.apply("demo", json!({"consumers": [group("first", 2), group("second", 9)]})).await.unwrap();
    let producer = producer(&cluster, "demo-producer-1", queue(50, 0, Some(1.0))).await;
    both_become(&cluster, 2, 3).await;
    producer.set_page("/queue", queue(0, 1, None));
    both_become(&cluster, 1, 0).await;
}

#[tokio::test]
async fn each_lane_scales_by_its_own_backlog() {
    let cluster = Cluster::new("scale-lanes").await;
    let _operator = Operator::ready(cluster.server, "scale-lanes").await;
    let mut fast = group("second", 9);
    fast["types"] = json!(["order.*"]);
    cluster.apply("demo", json!({"consumers": [group("first", 9), fast]})).await.unwrap();
    let lanes = |default: i64, fast: i64| {
        let lane = |name: Value, pending: i64| {
            let oldest = (pending > 0).then_some(1.0);
            json!({"lane": name, "pending": pending, "scheduled": 0, "oldestPendingSeconds": oldest})
        };
        let mut page = queue(default + fast, 0, Some(1.0));
        page["lanes"] = json!([lane(json!(null), default), lane(json!("second"), fast)]);
        page
    };
    let producer = producer(&cluster, "demo-producer-1", lanes(0, 50)).await;
    both_become(&cluster, 0, 5).await;
    producer.set_page("/queue", lanes(20, 0));
    both_become(&cluster, 2, 0).await;
    producer.set_page("/queue", lanes(0, 1));
    both_become(&cluster, 0, 1).await;
}

/// Returns a group that scales from zero to `most` consumers, with ten events for each.
fn group(name: &str, most: i32) -> Value {
    let rules = json!({
        "minReplicas": 0, "maxReplicas": most, "targetBacklogPerReplica": 10, "scaleUpCooldownSeconds": 0,
        "scaleDownCooldownSeconds": 1,
    });
    json!({"name": name, "autoscaling": {"backlog": rules}})
}

/// Waits until the groups `first` and `second` have these numbers of consumers.
async fn both_become(cluster: &Cluster, first: i32, second: i32) {
    let replicas = async |group: &str| {
        let name = format!("demo-consumer-{group}");
        cluster.api::<Deployment>().get_opt(&name).await.unwrap()?.spec?.replicas
    };
    until(format!("{first} and {second} replicas"), async || {
        let are = (replicas("first").await?, replicas("second").await?);
        (are == (first, second)).then_some(())
    })
    .await;
}
