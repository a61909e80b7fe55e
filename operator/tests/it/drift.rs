//! Changes of objects by other clients, and objects that the spec no longer asks for.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::reconcile::{another_reconcile, at_rest};

/// Fields of other managers are no reason to write.
#[tokio::test]
async fn fields_of_other_managers_stay() {
    let cluster = Cluster::new("others").await;
    let operator = Operator::ready(cluster.server, "others").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.condition_is("demo", "BacklogInTime", "Unknown/NoProducer").await;
    at_rest(&cluster, &operator, "PATCH").await;
    let patches = operator.requests("PATCH");
    let theirs = json!({"metadata": {"annotations": {"example.com/theirs": "1"}, "labels": {"theirs": "1"}}});
    let params = PatchParams::apply("another-client");
    let deployments = cluster.api::<Deployment>();
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": theirs["metadata"]});
    deployments.patch("demo-producer-default", &params, &Patch::Apply(patch)).await.unwrap();
    another_reconcile(&cluster, &operator).await;
    assert_eq!(operator.requests("PATCH"), patches);
    let left = deployments.get("demo-producer-default").await.unwrap();
    assert_eq!(left.labels()["theirs"], "1");
}

#[tokio::test]
async fn only_a_group_removed_from_the_spec_is_deleted() {
    let cluster = Cluster::new("groups").await;
    let _operator = Operator::ready(cluster.server, "groups").await;
    let route = |host: &str| json!({"ingress": {"host": host}});
    cluster.apply("other", json!({"producers": [{"name": "b"}], "route": route("b")})).await.unwrap();
    cluster.condition_is("other", "Ready", "False/DatabaseNotReady").await;
    let spec = json!({"producers": [{"name": "a"}, {"name": "b"}], "route": route("a")});
    cluster.apply("demo", spec).await.unwrap();
    let has = async |name: &str| cluster.names::<Deployment>().await.contains(&name.to_owned());
    until("group b to exist", async || has("demo-producer-b").await.then_some(())).await;
    let has_ingress = async |name: &str| cluster.names::<Ingress>().await.contains(&name.to_owned());
    until("the Ingress to exist", async || has_ingress("demo").await.then_some(())).await;
    // An object of another owner with our labels.
    let mut foreign = cluster.api::<Deployment>().get("demo-producer-b").await.unwrap();
    foreign.metadata = kube::core::ObjectMeta {
        name: Some("demo-own".to_owned()),
        labels: foreign.metadata.labels.take(),
        ..Default::default()
    };
    cluster.api::<Deployment>().create(&PostParams::default(), &foreign).await.unwrap();

    cluster.apply("demo", json!({"producers": [{"name": "a"}]})).await.unwrap();
    until("group b to be deleted", async || (!has("demo-producer-b").await).then_some(())).await;
    until("the Ingress to be deleted", async || (!has_ingress("demo").await).then_some(())).await;
    let mut left = cluster.names::<Deployment>().await;
    left.retain(|name| !name.contains("consumer"));
    assert_eq!(left, ["demo-own", "demo-producer-a", "other-producer-b"]);
    assert!(has_ingress("other").await);
}

#[tokio::test]
async fn changes_and_deletions_by_other_clients_are_reverted() {
    let cluster = Cluster::new("drift").await;
    let operator = Operator::ready(cluster.server, "drift").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    at_rest(&cluster, &operator, "PATCH").await;
    assert!(!operator.log().contains("by another client"), "no other client has changed anything");
    let replicas = async || {
        let deployment = cluster.api::<Deployment>().get("demo-consumer-default").await.unwrap();
        deployment.spec.unwrap().replicas.unwrap()
    };
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}}));
    cluster
        .api::<Deployment>()
        .patch("demo-consumer-default", &PatchParams::default(), &patch)
        .await
        .unwrap();
    until("two replicas again", async || (replicas().await == 2).then_some(())).await;

    let service = async || cluster.api::<Service>().get("demo-producers").await;
    let old = service().await.unwrap().uid();
    cluster.delete::<Service>("demo-producers").await;
    until("a new Service", async || service().await.ok().filter(|service| service.uid() != old)).await;

    for undone in [
        "Deployment demo-consumer-default was changed by another client and has been restored",
        "Service demo-producers was deleted by another client and has been recreated",
    ] {
        until(format!("an Event: {undone}"), async || {
            let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap().items;
            let tells = |event: &Event| {
                event.reason.as_deref() == Some("Reverted") && event.note.as_deref() == Some(undone)
            };
            events.iter().any(tells).then_some(())
        })
        .await;
        let (kind, rest) = undone.split_once(' ').unwrap();
        let line = operator
            .log()
            .lines()
            .find(|line| line.contains(&format!("{kind} drift/{rest}")))
            .map(str::to_owned);
        assert!(line.is_some_and(|line| line.contains("INFO")), "{}", operator.log());
    }
}

#[tokio::test]
async fn a_taken_name_stalls_the_pipeline_with_an_event_until_it_is_free() {
    let cluster = Cluster::new("refused").await;
    let operator = Operator::ready(cluster.server, "refused").await;
    // A StatefulSet of another owner with that name.
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "demo-mysql"},
        "spec": {
            "serviceName": "x", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
        },
    });
    let foreign: StatefulSet = serde_json::from_value(foreign).unwrap();
    cluster.api::<StatefulSet>().create(&PostParams::default(), &foreign).await.unwrap();
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Stalled", "True/NameTaken").await;
    cluster.condition_is("demo", "Ready", "False/NameTaken").await;
    until("a failed reconciliation", async || (operator.reconciles("error") > 0).then_some(())).await;
    let event = until("an Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap().items;
        events.into_iter().find(|event| event.reason.as_deref() == Some("NameTaken"))
    })
    .await;
    assert!(event.note.unwrap().contains("demo-mysql"));

    cluster.delete::<StatefulSet>("demo-mysql").await;
    cluster.condition_is("demo", "Stalled", "False/NotStalled").await;
    assert!(!operator.log().contains("panicked"));
}
