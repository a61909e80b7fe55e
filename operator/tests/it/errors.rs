//! API servers that fail. The operator recovers, and one refused object holds up no other.

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

/// The server does not serve HTTPRoute. The operator polls for it, and no answer holds up a pipeline.
#[tokio::test]
async fn no_error_about_an_unserved_kind_holds_up_a_pipeline() {
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
async fn readiness_reports_a_failing_list_until_it_succeeds() {
    let cluster = Cluster::new("lists").await;
    let proxy = ApiProxy::start(cluster.server).await;
    let budgets =
        |method: &http::Method, path: &str| method == "GET" && path.contains("/poddisruptionbudgets?");
    proxy.fail(budgets, 1, usize::MAX, CallFault::Answer(500));
    let operator = Operator::through(&proxy, "lists");
    until("the reason for the missing readiness", async || {
        operator.get("/readyz").filter(|text| {
            text.contains("PodDisruptionBudget in namespace lists: ") && text.contains("500 by the test")
        })
    })
    .await;
    proxy.heal();
    operator.becomes_ready().await;
}

#[tokio::test]
async fn a_refused_object_holds_up_neither_others_nor_the_cleanup() {
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
        until("the new group without the old one", async || {
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

/// An overloaded API server requires no action by a user.
#[tokio::test]
async fn too_many_requests_are_no_refusal() {
    let cluster = Cluster::new("busy").await;
    let proxy = ApiProxy::start(cluster.server).await;
    // More than the client retries.
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

/// The status of a pipeline must not be written to another one that has taken its name.
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
