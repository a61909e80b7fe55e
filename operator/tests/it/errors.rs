//! An API server that fails: nothing stops for good, and one object that is refused holds up no other.

use std::pin::pin;

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::{ApiProxy, CallFault};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

/// The server knows no HTTPRoute: it is asked for that again and again, and whatever it answers, pipelines go on.
#[tokio::test]
async fn no_answer_about_a_kind_that_is_not_served_holds_up_a_pipeline() {
    let cluster = Cluster::new("polls").await;
    let proxy = ApiProxy::start(cluster.server).await;
    let faults =
        [CallFault::Answer(500), CallFault::Answer(403), CallFault::Cut, CallFault::Lost, CallFault::Silence];
    for (number, fault) in faults.into_iter().enumerate() {
        proxy.fail(|_, path| path.contains("/httproutes?"), 1, 2, fault);
        let operator = Operator::through(&proxy, "polls");
        proxy.struck(1).await;
        operator.becomes_ready().await;
        let pipeline = format!("demo{number}");
        cluster.apply(&pipeline, json!({})).await.unwrap();
        cluster.condition_is(&pipeline, "Ready", "False/DatabaseNotReady").await;
    }
}

#[tokio::test]
async fn a_list_that_does_not_come_is_said_by_the_readiness_and_comes_later() {
    let cluster = Cluster::new("lists").await;
    let proxy = ApiProxy::start(cluster.server).await;
    let budgets =
        |method: &http::Method, path: &str| method == "GET" && path.contains("/poddisruptionbudgets?");
    proxy.fail(budgets, 1, usize::MAX, CallFault::Answer(500));
    let operator = Operator::through(&proxy, "lists");
    until("its reason not to be ready", async || {
        operator
            .get("/readyz")
            .filter(|text| text.contains("PodDisruptionBudget: ") && text.contains("500 by the test"))
    })
    .await;
    proxy.heal();
    operator.becomes_ready().await;
}

#[tokio::test]
async fn an_object_that_is_refused_holds_up_no_other_and_not_the_clean_up() {
    let cluster = Cluster::new("one-refused").await;
    let proxy = ApiProxy::start(cluster.server).await;
    let operator = Operator::through(&proxy, "one-refused");
    operator.becomes_ready().await;
    let groups = |names: &[&str]| -> Vec<_> { names.iter().map(|name| json!({"name": name})).collect() };
    cluster.apply("demo", json!({"producers": groups(&["a", "old"])})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let writes_budget = |method: &http::Method, path: &str| {
        method == "PATCH" && path.contains("/poddisruptionbudgets/demo-producer-new")
    };
    for (code, stalled) in [(422, "True/ObjectRefused"), (403, "False/NotStalled"), (500, "False/NotStalled")]
    {
        proxy.fail(writes_budget, 1, usize::MAX, CallFault::Answer(code));
        let new = format!("new{code}");
        cluster.apply("demo", json!({"producers": groups(&["a", &new])})).await.unwrap();
        let has =
            async |name: &str| cluster.names::<Deployment>().await.contains(&format!("demo-producer-{name}"));
        until("the new group, and no old one", async || {
            let old = has("old").await || has("new422").await && code != 422;
            (has(&new).await && !old).then_some(())
        })
        .await;
        cluster.condition_is("demo", "Stalled", stalled).await;
        let reason = if code == 422 { "False/ObjectRefused" } else { "False/ApplyFailed" };
        cluster.condition_is("demo", "ProducersReady", reason).await;
        cluster.condition_is("demo", "DatabaseReady", "False/PodsStarting").await;
    }
    proxy.heal();
    cluster.condition_is("demo", "ProducersReady", "False/PodsStarting").await;
}

/// A busy API server is no reason for anybody to act.
#[tokio::test]
async fn too_many_requests_are_no_refusal() {
    let cluster = Cluster::new("busy").await;
    let proxy = ApiProxy::start(cluster.server).await;
    // More than the client repeats by itself.
    let services = |method: &http::Method, path: &str| method == "PATCH" && path.contains("/services/");
    proxy.fail(services, 1, 8, CallFault::Answer(429));
    let operator = Operator::through(&proxy, "busy");
    operator.becomes_ready().await;
    cluster.apply("demo", json!({})).await.unwrap();
    proxy.struck(8).await;
    cluster.condition_is("demo", "DatabaseReady", "False/PodsStarting").await;
    let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
    let ours = |event: &Event| {
        let of = event.regarding.as_ref().and_then(|of| of.kind.as_deref());
        of == Some("EventPipeline") && event.type_.as_deref() == Some("Warning")
    };
    assert!(!events.items.iter().any(ours), "{:?}", events.items);
}

/// What was found out about a pipeline is not said of a namesake that has taken its place.
#[tokio::test]
async fn a_namesake_does_not_inherit_a_status() {
    let cluster = Cluster::new("namesake").await;
    let proxy = ApiProxy::start(cluster.server).await;
    let operator = Operator::through(&proxy, "namesake");
    operator.becomes_ready().await;
    proxy.fail(|_, path| path.contains("/eventpipelines/demo/status"), 2, 1, CallFault::Held);
    cluster.apply("demo", json!({})).await.unwrap();
    proxy.struck(1).await;
    cluster.delete::<EventPipeline>("demo").await;
    let pipelines = cluster.api::<EventPipeline>();
    let mut changes = pin!(pipelines.watch(&WatchParams::default(), "0").await.unwrap());
    cluster.apply("demo", json!({})).await.unwrap();
    let uid = pipelines.get("demo").await.unwrap().uid();
    proxy.heal();
    let first = loop {
        if let WatchEvent::Modified(pipeline) = changes.next().await.unwrap().unwrap()
            && pipeline.uid() == uid
        {
            break pipeline.status.unwrap();
        }
    };
    assert_eq!(first.conditions[0].reason, "FirstSeen");
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
}
