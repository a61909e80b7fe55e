//! Claims of hosts and paths, and the status of routes.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, until, value};
use super::operator::Operator;

fn host(host: &str) -> Value {
    json!({"route": {"ingress": {"host": host}}})
}

async fn exists(cluster: &Cluster, ingress: &str) -> bool {
    cluster.names::<Ingress>().await.contains(&ingress.to_owned())
}

async fn message_of(cluster: &Cluster, pipeline: &str, type_: &str) -> String {
    let status = cluster.api::<EventPipeline>().get(pipeline).await.unwrap().status.unwrap();
    status.conditions.into_iter().find(|condition| condition.type_ == type_).unwrap().message
}

async fn foreign_ingress(cluster: &Cluster, name: &str, host: &str) -> Ingress {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
        "spec": {"rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    });
    let ingress: Ingress = serde_json::from_value(ingress).unwrap();
    cluster.api::<Ingress>().create(&PostParams::default(), &ingress).await.unwrap()
}

#[tokio::test]
async fn the_second_pipeline_of_a_host_is_published_only_after_the_first_is_deleted() {
    let cluster = Cluster::new("two-hosts").await;
    let _operator = Operator::ready(cluster.server, "two-hosts").await;
    cluster.apply("first", host("a.example")).await.unwrap();
    cluster.condition_is("first", "RouteAccepted", "True/Published").await;
    let before = cluster.api::<Ingress>().get("first").await.unwrap();
    // Sorts first by name, but the existing Ingress counts.
    cluster.apply("a-second", host("a.example")).await.unwrap();
    cluster.condition_is("a-second", "RouteAccepted", "False/HostTaken").await;
    cluster.condition_is("a-second", "Stalled", "True/HostTaken").await;
    let message = message_of(&cluster, "a-second", "RouteAccepted").await;
    assert!(message.contains("Ingress two-hosts/first already has path / of host a.example"), "{message}");
    assert!(!exists(&cluster, "a-second").await);
    assert_eq!(value(&before), value(&cluster.api::<Ingress>().get("first").await.unwrap()));
    cluster.condition_is("first", "RouteAccepted", "True/Published").await;
    let url = cluster.api::<EventPipeline>().get("a-second").await.unwrap().status.unwrap().url;
    assert_eq!(url.as_deref(), Some("http://a-second-producers.two-hosts.svc"));

    // No garbage collector runs here.
    cluster.delete::<EventPipeline>("first").await;
    cluster.delete::<Ingress>("first").await;
    cluster.condition_is("a-second", "RouteAccepted", "True/Published").await;
    assert!(exists(&cluster, "a-second").await);
}

#[tokio::test]
async fn a_host_of_another_ingress_is_left_alone() {
    let cluster = Cluster::new("foreign-host").await;
    let theirs = foreign_ingress(&cluster, "shop", "shop.example").await;
    let _operator = Operator::ready(cluster.server, "foreign-host").await;
    cluster.apply("demo", host("demo.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    // A route that moves to a taken host is withdrawn.
    cluster.apply("demo", host("shop.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "False/HostTaken").await;
    assert!(!exists(&cluster, "demo").await);
    assert_eq!(value(&theirs), value(&cluster.api::<Ingress>().get("shop").await.unwrap()));
    cluster
        .apply("demo", json!({"route": {"ingress": {"host": "shop.example", "path": "/demo"}}}))
        .await
        .unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    // A later Ingress takes nothing from the first.
    foreign_ingress(&cluster, "thief", "free.example").await;
    let moved = json!([{"op": "replace", "path": "/spec/rules/0", "value": {
        "host": "shop.example", "http": {"paths": [{"path": "/demo", "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80}}}}]},
    }}]);
    let patch = Patch::Json::<()>(serde_json::from_value(moved).unwrap());
    cluster.api::<Ingress>().patch("thief", &PatchParams::default(), &patch).await.unwrap();
    cluster.apply("other", host("free.example")).await.unwrap();
    cluster.condition_is("other", "RouteAccepted", "True/Published").await;
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    assert!(exists(&cluster, "demo").await);
}

#[tokio::test]
async fn without_the_gateway_api_only_the_route_is_missing() {
    let cluster = Cluster::new("no-gateway").await;
    let operator = Operator::ready(cluster.server, "no-gateway").await;
    cluster.apply("demo", host("a.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    let route = json!({"httpRoute": {"parentRefs": [{"name": "x"}], "hostnames": ["a.example"]}});
    cluster.apply("demo", json!({"route": route, "producers": [{"name": "new"}]})).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "False/GatewayApiMissing").await;
    cluster.condition_is("demo", "Stalled", "True/GatewayApiMissing").await;
    until("the Ingress to be deleted", async || (!exists(&cluster, "demo").await).then_some(())).await;
    cluster.condition_is("demo", "ProducersReady", "False/PodsStarting").await;
    let message = message_of(&cluster, "demo", "ProducersReady").await;
    assert!(message.contains("group new"), "{message}");
    assert_eq!(operator.reconciles("error"), 0);
    cluster.apply("demo", json!({"producers": [{"name": "new"}]})).await.unwrap();
    cluster.everything_ready("demo").await;
    cluster.condition_is("demo", "RouteAccepted", "True/NoRoute").await;
}

#[tokio::test]
async fn the_url_and_events_report_the_progress_of_a_new_pipeline() {
    let cluster = Cluster::new("newcomer").await;
    let _operator = Operator::ready(cluster.server, "newcomer").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    assert!(!exists(&cluster, "demo").await, "nothing is published that was not asked for");
    cluster.everything_ready("demo").await;
    let row = cluster.server.kubectl(["get", "all", "-n", "newcomer"]).unwrap();
    let row =
        row.lines().find(|line| line.starts_with("eventpipeline.eventpipeline.dev/demo")).unwrap().to_owned();
    assert!(row.contains(" http://demo-producers.newcomer.svc "), "{row}");
    let published = until("the last Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
        let published: Vec<_> =
            events.items.into_iter().filter_map(|event| Some((event.reason?, event.note?))).collect();
        published.iter().any(|(reason, _)| reason == "Ready").then_some(published)
    })
    .await;
    for (reason, note) in [
        ("DatabaseReady", "pod demo-mysql-0 is ready"),
        ("SchemaReady", "has succeeded"),
        ("RouteAccepted", "the spec has no route"),
        ("Ready", "the API is at http://demo-producers.newcomer.svc"),
    ] {
        assert!(
            published.iter().any(|(its, said)| its == reason && said.contains(note)),
            "{reason} in {published:#?}"
        );
    }

    cluster.apply("demo", host("a.example")).await.unwrap();
    until("the URL", async || {
        let url = cluster.api::<EventPipeline>().get("demo").await.unwrap().status?.url;
        (url.as_deref() == Some("http://a.example")).then_some(())
    })
    .await;
}
