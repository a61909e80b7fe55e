//! A pipeline from its first moment to its last.

use std::collections::BTreeMap;
use std::pin::pin;

use eventpipeline_crds::EventPipeline;
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use super::cluster::{Cluster, job_succeeded, pods_ready, stateful_set_ready, until, value};
use super::operator::Operator;

/// Name and resource version of every object in the namespace that belongs to the pipeline.
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

/// A change that means nothing wakes the operator; the next reconciles are over when it rests.
async fn another_reconcile(cluster: &Cluster, operator: &Operator) {
    let before = operator.reconciles("success");
    let touch = json!({"metadata": {"annotations": {"example.com/touched": before.to_string()}}});
    cluster
        .api::<EventPipeline>()
        .patch("demo", &PatchParams::default(), &Patch::Merge(touch))
        .await
        .unwrap();
    until("another reconcile", async || (operator.reconciles("success") > before).then_some(())).await;
}

/// Reconciles until that costs no call of this method, or no call at all if it is empty. The operator has then seen all that
/// it has written: of two in a row the second begins after the first has ended.
pub(crate) async fn at_rest(cluster: &Cluster, operator: &Operator, method: &str) {
    until(format!("two reconciles without a call {method}"), async || {
        let calls = operator.requests(method);
        another_reconcile(cluster, operator).await;
        another_reconcile(cluster, operator).await;
        (operator.requests(method) == calls).then_some(())
    })
    .await;
}

/// Whether a hash or a uid is part of the name.
fn unforeseen(name: &str) -> bool {
    name.starts_with("Job ") || name.starts_with("Secret demo-mysql-tls-")
}

#[tokio::test]
async fn a_pipeline_gets_its_objects_and_a_truthful_status() {
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
            "Service demo-wakeups",
            "Service demo-mysql",
            "Service demo-producers",
            "StatefulSet demo-mysql",
        ]
    );
    let pipeline = cluster.api::<EventPipeline>().get("demo").await.unwrap();
    assert_eq!(pipeline.status.clone().unwrap().observed_generation, pipeline.metadata.generation);
    // All but the data goes with the pipeline.
    let owner = |owners: &[_]| value(&owners)[0]["uid"].clone();
    let deployment = cluster.api::<Deployment>().get("demo-producer-default").await.unwrap();
    assert_eq!(owner(deployment.owner_references()), json!(pipeline.uid().unwrap()));
    let secret = cluster.api::<Secret>().get("demo-mysql").await.unwrap();
    assert!(secret.owner_references().is_empty());
    let keys: Vec<_> = secret.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["root-password"]);
}

/// Tools take a resource without conditions for one that is done.
#[tokio::test]
async fn the_first_status_says_that_nothing_is_known_yet() {
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
async fn a_pipeline_becomes_ready_with_its_parts_and_says_so_when_one_fails() {
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
    // What people see of it.
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
async fn a_steady_pipeline_costs_no_call_and_its_secret_stays() {
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
    // The annotation that woke the operator.
    before.remove("EventPipeline demo");
    after.remove("EventPipeline demo");
    assert_eq!(before, after);
    assert_eq!(operator.reconciles("error"), 0);

    // Another one sees that all is done, but for the Secret, and the StatefulSet, whose claim the server completes.
    drop(operator);
    let operator = Operator::ready(cluster.server, "steady").await;
    another_reconcile(&cluster, &operator).await;
    assert_eq!((operator.requests("PATCH"), operator.requests("POST")), (1, 4));
}

/// What others add to our objects is theirs, and no reason to write.
#[tokio::test]
async fn what_others_add_is_left_alone() {
    let cluster = Cluster::new("others").await;
    let operator = Operator::ready(cluster.server, "others").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.condition_is("demo", "BacklogInTime", "Unknown/NoProducer").await;
    at_rest(&cluster, &operator, "PATCH").await;
    let patches = operator.requests("PATCH");
    let theirs = json!({"metadata": {"annotations": {"example.com/theirs": "1"}, "labels": {"theirs": "1"}}});
    let params = PatchParams::apply("somebody");
    let deployments = cluster.api::<Deployment>();
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": theirs["metadata"]});
    deployments.patch("demo-producer-default", &params, &Patch::Apply(patch)).await.unwrap();
    another_reconcile(&cluster, &operator).await;
    assert_eq!(operator.requests("PATCH"), patches);
    let left = deployments.get("demo-producer-default").await.unwrap();
    assert_eq!(left.labels()["theirs"], "1");
}

#[tokio::test]
async fn a_group_that_left_the_spec_is_removed_and_nothing_else() {
    let cluster = Cluster::new("groups").await;
    let _operator = Operator::ready(cluster.server, "groups").await;
    let route = |host: &str| json!({"ingress": {"host": host}});
    cluster.apply("other", json!({"producers": [{"name": "b"}], "route": route("b")})).await.unwrap();
    cluster.condition_is("other", "Ready", "False/DatabaseNotReady").await;
    let spec = json!({"producers": [{"name": "a"}, {"name": "b"}], "route": route("a")});
    cluster.apply("demo", spec).await.unwrap();
    let has = async |name: &str| cluster.names::<Deployment>().await.contains(&name.to_owned());
    until("group b", async || has("demo-producer-b").await.then_some(())).await;
    let has_ingress = async |name: &str| cluster.names::<Ingress>().await.contains(&name.to_owned());
    until("the Ingress", async || has_ingress("demo").await.then_some(())).await;
    // Somebody's own, with our labels.
    let mut foreign = cluster.api::<Deployment>().get("demo-producer-b").await.unwrap();
    foreign.metadata = kube::core::ObjectMeta {
        name: Some("demo-own".to_owned()),
        labels: foreign.metadata.labels.take(),
        ..Default::default()
    };
    cluster.api::<Deployment>().create(&PostParams::default(), &foreign).await.unwrap();

    cluster.apply("demo", json!({"producers": [{"name": "a"}]})).await.unwrap();
    until("group b to go", async || (!has("demo-producer-b").await).then_some(())).await;
    until("the Ingress to go", async || (!has_ingress("demo").await).then_some(())).await;
    let mut left = cluster.names::<Deployment>().await;
    left.retain(|name| !name.contains("consumer"));
    assert_eq!(left, ["demo-own", "demo-producer-a", "other-producer-b"]);
    assert!(has_ingress("other").await);
}

#[tokio::test]
async fn what_somebody_changed_or_deleted_is_put_right() {
    let cluster = Cluster::new("drift").await;
    let operator = Operator::ready(cluster.server, "drift").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    at_rest(&cluster, &operator, "PATCH").await;
    assert!(!operator.log().contains("as the pipeline says again"), "its own changes are nobody else's");
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
        "Deployment demo-consumer-default was changed, and is as the pipeline says again",
        "Service demo-producers was deleted, and is made again",
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
async fn suspending_a_group_leaves_its_template_alone() {
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

/// `kubectl delete --cascade=foreground`: the pipeline stays until its objects have gone, and must not get them back.
#[tokio::test]
async fn a_pipeline_that_is_being_deleted_gets_nothing_back() {
    let cluster = Cluster::new("deletion").await;
    let operator = Operator::ready(cluster.server, "deletion").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.api::<EventPipeline>().delete("demo", &DeleteParams::foreground()).await.unwrap();
    // One that had begun before may still write; what begins later must not.
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

#[tokio::test]
async fn a_name_that_is_taken_stalls_the_pipeline_with_an_event_until_it_is_free() {
    let cluster = Cluster::new("refused").await;
    let operator = Operator::ready(cluster.server, "refused").await;
    // Somebody's own StatefulSet of that name.
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
    until("a failed reconcile", async || (operator.reconciles("error") > 0).then_some(())).await;
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
