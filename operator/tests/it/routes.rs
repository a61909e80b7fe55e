//! Who gets a host and a path, and what a pipeline says of its route.

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

async fn is_there(cluster: &Cluster, ingress: &str) -> bool {
    cluster.names::<Ingress>().await.contains(&ingress.to_owned())
}

async fn message(cluster: &Cluster, pipeline: &str, type_: &str) -> String {
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
async fn the_second_pipeline_of_a_host_publishes_nothing_until_the_first_is_gone() {
    let cluster = Cluster::new("two-hosts").await;
    let _operator = Operator::ready(cluster.server, "two-hosts").await;
    cluster.apply("first", host("a.example")).await.unwrap();
    cluster.condition_is("first", "RouteAccepted", "True/Published").await;
    let before = cluster.api::<Ingress>().get("first").await.unwrap();
    // Sorts before the other: what is there counts, and not the name.
    cluster.apply("a-second", host("a.example")).await.unwrap();
    cluster.condition_is("a-second", "RouteAccepted", "False/HostTaken").await;
    cluster.condition_is("a-second", "Stalled", "True/HostTaken").await;
    let said = message(&cluster, "a-second", "RouteAccepted").await;
    assert!(said.contains("Ingress two-hosts/first has path / of host a.example already"), "{said}");
    assert!(!is_there(&cluster, "a-second").await);
    assert_eq!(value(&before), value(&cluster.api::<Ingress>().get("first").await.unwrap()));
    cluster.condition_is("first", "RouteAccepted", "True/Published").await;
    let url = cluster.api::<EventPipeline>().get("a-second").await.unwrap().status.unwrap().url;
    assert_eq!(url.as_deref(), Some("http://a-second-producers.two-hosts.svc"));

    // Nothing runs here that would delete what a pipeline owns.
    cluster.delete::<EventPipeline>("first").await;
    cluster.delete::<Ingress>("first").await;
    cluster.condition_is("a-second", "RouteAccepted", "True/Published").await;
    assert!(is_there(&cluster, "a-second").await);
}

#[tokio::test]
async fn a_host_that_somebody_elses_ingress_has_is_left_to_it() {
    let cluster = Cluster::new("foreign-host").await;
    let theirs = foreign_ingress(&cluster, "shop", "shop.example").await;
    let _operator = Operator::ready(cluster.server, "foreign-host").await;
    cluster.apply("demo", host("demo.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    // A route that moves to a host that is taken is taken back altogether.
    cluster.apply("demo", host("shop.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "False/HostTaken").await;
    assert!(!is_there(&cluster, "demo").await);
    assert_eq!(value(&theirs), value(&cluster.api::<Ingress>().get("shop").await.unwrap()));
    cluster
        .apply("demo", json!({"route": {"ingress": {"host": "shop.example", "path": "/demo"}}}))
        .await
        .unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    // Who comes later takes nothing from who has it.
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
    assert!(is_there(&cluster, "demo").await);
}

#[tokio::test]
async fn without_the_gateway_api_everything_but_the_route_goes_on() {
    let cluster = Cluster::new("no-gateway").await;
    let operator = Operator::ready(cluster.server, "no-gateway").await;
    cluster.apply("demo", host("a.example")).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "True/Published").await;
    let route = json!({"httpRoute": {"parentRefs": [{"name": "x"}], "hostnames": ["a.example"]}});
    cluster.apply("demo", json!({"route": route, "producers": [{"name": "new"}]})).await.unwrap();
    cluster.condition_is("demo", "RouteAccepted", "False/GatewayApiMissing").await;
    cluster.condition_is("demo", "Stalled", "True/GatewayApiMissing").await;
    until("the Ingress to go", async || (!is_there(&cluster, "demo").await).then_some(())).await;
    cluster.condition_is("demo", "ProducersReady", "False/PodsStarting").await;
    let said = message(&cluster, "demo", "ProducersReady").await;
    assert!(said.contains("group new"), "{said}");
    assert_eq!(operator.reconciles("error"), 0);
    cluster.apply("demo", json!({"producers": [{"name": "new"}]})).await.unwrap();
    cluster.everything_ready("demo").await;
    cluster.condition_is("demo", "RouteAccepted", "True/NoRoute").await;
}

#[tokio::test]
async fn a_newcomer_sees_where_the_api_is_and_what_has_happened() {
    let cluster = Cluster::new("newcomer").await;
    let _operator = Operator::ready(cluster.server, "newcomer").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    assert!(!is_there(&cluster, "demo").await, "nothing is published that was not asked for");
    cluster.everything_ready("demo").await;
    let row = cluster.server.kubectl(["get", "all", "-n", "newcomer"]).unwrap();
    let row =
        row.lines().find(|line| line.starts_with("eventpipeline.eventpipeline.dev/demo")).unwrap().to_owned();
    assert!(row.contains(" http://demo-producers.newcomer.svc "), "{row}");
    let told = until("the last Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
        let told: Vec<_> =
            events.items.into_iter().filter_map(|event| Some((event.reason?, event.note?))).collect();
        told.iter().any(|(reason, _)| reason == "Ready").then_some(told)
    })
    .await;
    for (reason, note) in [
        ("DatabaseReady", "pod demo-mysql-0 answers"),
        ("SchemaReady", "has succeeded"),
        ("RouteAccepted", "the spec asks for no route"),
        ("Ready", "the API is at http://demo-producers.newcomer.svc"),
    ] {
        assert!(told.iter().any(|(its, said)| its == reason && said.contains(note)), "{reason} in {told:#?}");
    }

    cluster.apply("demo", host("a.example")).await.unwrap();
    until("the URL", async || {
        let url = cluster.api::<EventPipeline>().get("demo").await.unwrap().status?.url;
        (url.as_deref() == Some("http://a.example")).then_some(())
    })
    .await;
}
