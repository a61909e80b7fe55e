//! Rollouts after an upgrade of the operator, which changes the pods of all pipelines.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};
use kube::api::ListParams;
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

const PIPELINES: [&str; 4] = ["one", "two", "three", "four"];
/// Maximum number of concurrent rollouts in this test.
const LIMIT: usize = 2;

/// Starts an operator of this version.
async fn operator(cluster: &Cluster, version: &str) -> Operator {
    let image = format!("registry.example/eventpipeline:{version}");
    let arguments = ["--image", &image, "--max-rollouts", &LIMIT.to_string()];
    let operator = Operator::with(cluster.server, &cluster.namespace, &arguments);
    operator.becomes_ready().await;
    operator
}

/// Returns for each pod template of the pipeline whether it uses the operator's image of this version.
async fn templates_of_version(cluster: &Cluster, pipeline: &str, version: &str) -> Vec<bool> {
    let all = ListParams::default().labels(&format!("app.kubernetes.io/instance={pipeline}"));
    let deployments = cluster.api::<Deployment>().list(&all).await.unwrap();
    let stateful_sets = cluster.api::<StatefulSet>().list(&all).await.unwrap();
    let jobs = cluster.api::<Job>().list(&all).await.unwrap();
    let uses_version = |template: PodTemplateSpec| {
        let mut images =
            template.spec.unwrap().containers.into_iter().filter_map(|container| container.image);
        images.any(|image| image.ends_with(&format!(":{version}")))
    };
    let templates = deployments.into_iter().map(|object| object.spec.unwrap().template);
    let templates = templates.chain(stateful_sets.into_iter().map(|object| object.spec.unwrap().template));
    templates.chain(jobs.into_iter().map(|object| object.spec.unwrap().template)).map(uses_version).collect()
}

/// Returns the pipelines of which any pod template has this version.
async fn started(cluster: &Cluster, version: &str) -> Vec<&'static str> {
    let mut started = Vec::new();
    for pipeline in PIPELINES {
        if templates_of_version(cluster, pipeline, version).await.contains(&true) {
            started.push(pipeline);
        }
    }
    started
}

/// Waits until this number of rollouts is active and this number of pipelines waits.
async fn rollouts(operator: &Operator, active: f64, waiting: f64) {
    until(format!("{active} active rollouts and {waiting} waiting"), async || {
        let metric = |name: &str| operator.metric(&format!("eventpipeline_operator_{name}_rollouts"));
        (metric("active") == Some(active) && metric("waiting") == Some(waiting)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_limited_number_of_pipelines_restarts_at_once_after_an_upgrade() {
    let cluster = Cluster::new("upgrade").await;
    let first = operator(&cluster, "v1").await;
    for pipeline in PIPELINES {
        cluster.apply(pipeline, json!({})).await.unwrap();
        cluster.condition_is(pipeline, "Ready", "False/DatabaseNotReady").await;
        cluster.everything_ready(pipeline).await;
    }
    drop(first);
    let second = operator(&cluster, "v2").await;
    rollouts(&second, 2.0, 2.0).await;
    // A rollout is active before its first template is written.
    let mut active = until("the first templates", async || {
        Some(started(&cluster, "v2").await).filter(|started| started.len() >= LIMIT)
    })
    .await;
    assert_eq!(active.len(), LIMIT, "{active:?}");

    // A pipeline that waits gets everything else, and does not restart its pods for it.
    let waiting = PIPELINES.into_iter().find(|pipeline| !active.contains(pipeline)).unwrap();
    let service = format!("{waiting}-producers");
    cluster.delete::<Service>(&service).await;
    until("a new Service", async || cluster.api::<Service>().get_opt(&service).await.unwrap()).await;
    assert_eq!(started(&cluster, "v2").await, active);

    // Each rollout that completes makes room for the next.
    let mut completed = Vec::new();
    while let Some(pipeline) = active.pop() {
        until(format!("all templates of {pipeline}"), async || {
            let templates = templates_of_version(&cluster, pipeline, "v2").await;
            (templates.len() == 4 && templates.iter().all(|updated| *updated)).then_some(())
        })
        .await;
        cluster.everything_ready(pipeline).await;
        completed.push(pipeline);
        let expected = (completed.len() + LIMIT).min(PIPELINES.len());
        active = until(format!("{expected} pipelines with the new version"), async || {
            Some(started(&cluster, "v2").await).filter(|started| started.len() >= expected)
        })
        .await;
        assert_eq!(active.len(), expected, "{active:?}");
        active.retain(|pipeline| !completed.contains(pipeline));
    }
    assert_eq!(completed.len(), PIPELINES.len());
    rollouts(&second, 0.0, 0.0).await;
    assert_eq!(second.reconciles("error"), 0);
}
