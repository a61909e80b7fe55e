//! Handovers of `replicas` between owners, without a dip.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::reconcile::at_rest;

/// All values of `replicas` that a Deployment has had.
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

/// Scales a Deployment as an autoscaler does.
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
async fn the_number_of_pods_stays_until_its_new_owner_changes_it() {
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
    // The watch follows a moment later.
    until("the seven", async || seen.iter().all(|seen| seen.all() == [3, 7]).then_some(())).await;
    // The operator starts from the current number.
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
async fn an_externally_scaled_group_is_suspended_once_and_resumed_with_its_former_number() {
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
    // The number belongs to the other owner again.
    at_rest(&cluster, &operator, "PATCH").await;
    scale(&cluster, "demo-consumer-a", 4).await;
    at_rest(&cluster, &operator, "PATCH").await;
    assert_eq!(replicas(&cluster, "demo-consumer-a").await, 4);
}
