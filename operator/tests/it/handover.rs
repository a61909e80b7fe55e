//! The number of pods passes from one who decides to the next without a dip.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, job_succeeded, until};
use super::operator::Operator;
use super::reconcile::at_rest;

/// Every number that the Deployment has asked for.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<i32>>>);

impl Seen {
    fn follow(cluster: &Cluster, name: &'static str) -> Self {
        let (seen, api) = (Self::default(), cluster.api::<Deployment>());
        let numbers = Arc::clone(&seen.0);
        tokio::spawn(async move {
            let named = WatchParams::default().fields(&format!("metadata.name={name}"));
            let mut events = pin!(api.watch(&named, "0").await.unwrap());
            while let Some(event) = events.next().await {
                if let Ok(WatchEvent::Added(deployment) | WatchEvent::Modified(deployment)) = event {
                    numbers.lock().unwrap().push(deployment.spec.unwrap().replicas.unwrap());
                }
            }
        });
        seen
    }

    fn all(&self) -> Vec<i32> {
        let mut all = self.0.lock().unwrap().clone();
        all.dedup();
        all
    }
}

async fn replicas(cluster: &Cluster, name: &str) -> i32 {
    cluster.api::<Deployment>().get(name).await.unwrap().spec.unwrap().replicas.unwrap()
}

async fn become_replicas(cluster: &Cluster, name: &str, wanted: i32) {
    until(format!("{name} to have {wanted}"), async || {
        (replicas(cluster, name).await == wanted).then_some(())
    })
    .await;
}

/// As an autoscaler does.
async fn scale(cluster: &Cluster, name: &str, replicas: i32) {
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let params = PatchParams { field_manager: Some("keda".to_owned()), ..PatchParams::default() };
    cluster.api::<Deployment>().patch_scale(name, &params, &patch).await.unwrap();
}

fn of(replicas: i32, producers: &Value, consumers: &Value) -> Value {
    let group = |scale: &Value| match scale {
        Value::Null => json!([{"name": "default", "replicas": replicas}]),
        scale => json!([{"name": "default", "autoscaling": scale}]),
    };
    json!({"producers": group(producers), "consumers": group(consumers)})
}

#[tokio::test]
async fn a_number_stays_until_its_new_owner_changes_it() {
    let cluster = Cluster::new("handover").await;
    let operator = Operator::ready(cluster.server, "handover").await;
    cluster.apply("demo", of(3, &Value::Null, &Value::Null)).await.unwrap();
    let names = ["demo-producer-default", "demo-consumer-default"];
    until("the groups", async || cluster.api::<Deployment>().get_opt(names[1]).await.unwrap()).await;
    at_rest(&cluster, &operator, "PATCH").await;
    let seen = names.map(|name| Seen::follow(&cluster, name));
    let external = json!({"external": {}});
    for producers in [json!({"cpu": {"minReplicas": 2, "maxReplicas": 9}}), external.clone()] {
        cluster.apply("demo", of(3, &producers, &external)).await.unwrap();
        at_rest(&cluster, &operator, "PATCH").await;
        cluster.apply("demo", of(3, &Value::Null, &Value::Null)).await.unwrap();
        at_rest(&cluster, &operator, "PATCH").await;
    }
    assert_eq!(seen.each_ref().map(Seen::all), [vec![3], vec![3]]);

    cluster.apply("demo", of(3, &external, &external)).await.unwrap();
    at_rest(&cluster, &operator, "PATCH").await;
    for name in names {
        scale(&cluster, name, 7).await;
    }
    at_rest(&cluster, &operator, "PATCH").await;
    // What was written is seen a moment later.
    until("the seven", async || seen.iter().all(|seen| seen.all() == [3, 7]).then_some(())).await;
    // The operator decides from what there is.
    let backlog = json!({"backlog": {"minReplicas": 1, "maxReplicas": 10}});
    cluster.apply("demo", of(3, &external, &backlog)).await.unwrap();
    at_rest(&cluster, &operator, "PATCH").await;
    cluster.apply("demo", of(5, &Value::Null, &Value::Null)).await.unwrap();
    for name in names {
        become_replicas(&cluster, name, 5).await;
    }
    until("the five", async || seen.iter().all(|seen| seen.all() == [3, 7, 5]).then_some(())).await;
    assert_eq!(operator.reconciles("error"), 0);
}

#[tokio::test]
async fn a_group_that_others_scale_is_suspended_without_a_fight_and_comes_back_as_it_was() {
    let cluster = Cluster::new("suspended-external").await;
    let operator = Operator::ready(cluster.server, "suspended-external").await;
    let spec = |suspend: bool| json!({"suspend": suspend, "consumers": [{"name": "a", "autoscaling": {"external": {}}}]});
    cluster.apply("demo", spec(false)).await.unwrap();
    until("the group", async || cluster.api::<Deployment>().get_opt("demo-consumer-a").await.unwrap()).await;
    scale(&cluster, "demo-consumer-a", 7).await;
    at_rest(&cluster, &operator, "PATCH").await;
    cluster.apply("demo", spec(true)).await.unwrap();
    become_replicas(&cluster, "demo-consumer-a", 0).await;
    at_rest(&cluster, &operator, "PATCH").await;
    scale(&cluster, "demo-consumer-a", 2).await;
    at_rest(&cluster, &operator, "PATCH").await;
    assert_eq!(replicas(&cluster, "demo-consumer-a").await, 2);
    scale(&cluster, "demo-consumer-a", 0).await;
    at_rest(&cluster, &operator, "PATCH").await;
    cluster.apply("demo", spec(false)).await.unwrap();
    become_replicas(&cluster, "demo-consumer-a", 7).await;
    // And is theirs again.
    at_rest(&cluster, &operator, "PATCH").await;
    scale(&cluster, "demo-consumer-a", 4).await;
    at_rest(&cluster, &operator, "PATCH").await;
    assert_eq!(replicas(&cluster, "demo-consumer-a").await, 4);
}

/// A claim that was deleted comes back with an empty volume, or with that of a backup.
#[tokio::test]
async fn a_volume_that_was_replaced_gets_its_schema() {
    let cluster = Cluster::new("replaced-volume").await;
    let _operator = Operator::ready(cluster.server, "replaced-volume").await;
    cluster.apply("demo", json!({})).await.unwrap();
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {"name": "data-demo-mysql-0", "labels": {
            "app.kubernetes.io/instance": "demo", "app.kubernetes.io/managed-by": "eventpipeline-operator",
        }},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }))
    .unwrap();
    let claims = cluster.api::<PersistentVolumeClaim>();
    let volume = async || claims.create(&PostParams::default(), &claim).await.unwrap().uid().unwrap();
    let job = async |volume: &str| {
        until("a schema Job of that volume", async || {
            let name = cluster.names::<Job>().await.pop()?;
            let job = cluster.api::<Job>().get_opt(&name).await.unwrap()?;
            (job.annotations().get("eventpipeline.dev/volume").map(String::as_str) == Some(volume))
                .then_some(job)
        })
        .await
    };
    until("a Job", async || cluster.names::<Job>().await.pop()).await;
    let waiting = cluster.api::<Job>().get(&cluster.names::<Job>().await[0]).await.unwrap();
    let first = job(&volume().await).await;
    assert_eq!(first.uid(), waiting.uid(), "it waits for the first volume");
    cluster.write_status::<Job>(&first.name_any(), job_succeeded()).await;
    cluster.condition_is("demo", "SchemaReady", "True/JobSucceeded").await;
    cluster
        .server
        .kubectl(["delete", "pvc/data-demo-mysql-0", "-n", "replaced-volume", "--wait=false"])
        .unwrap();
    let finalizers = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let _ = claims.patch("data-demo-mysql-0", &PatchParams::default(), &finalizers).await;
    until("the claim to go", async || {
        claims.get_opt("data-demo-mysql-0").await.unwrap().is_none().then_some(())
    })
    .await;
    let second = job(&volume().await).await;
    assert_ne!(second.uid(), first.uid());
    cluster.condition_is("demo", "SchemaReady", "False/JobRunning").await;
}
