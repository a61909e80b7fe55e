//! Changes under load: new pods of every kind, new passwords, a restart of the database.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use eventpipeline_e2e::{Load, OPERATOR_NAMESPACE, Pipeline, Request, connect, until};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::Pod,
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};

const CLIENTS: usize = 8;
const ROLLOUT: Duration = Duration::from_mins(4);

#[tokio::test]
async fn no_rollout_loses_an_event() -> Result<()> {
    let pipeline = Pipeline::start("rollouts").await?;
    let mut spec = json!({});

    let load = Load::start(&pipeline.ingress, CLIENTS);
    load.is_answered().await?;
    for group in ["producers", "consumers"] {
        spec[group] = json!([{
            "name": "default",
            "env": [{ "name": "ROUND", "value": "2" }],
            // Old and new pods fit on a small machine together.
            "resources": { "requests": { "cpu": "10m" } },
        }]);
        roll_out(&pipeline, &spec).await?;
        load.is_answered().await?;
    }
    operator_restarts().await?;
    spec["database"] = json!({ "managed": { "passwordGeneration": 2 } });
    roll_out(&pipeline, &spec).await?;
    load.is_answered().await?;
    let requests = load.stop().await?;
    let failed: Vec<&Request> = requests.iter().filter(|request| request.answer.is_err()).collect();
    assert!(failed.is_empty(), "{} of {} requests failed: {failed:#?}", failed.len(), requests.len());
    for event in Request::check(&requests, &pipeline).await? {
        assert_eq!(event["attempts"], 1, "handled twice: {event}");
    }

    let load = Load::start(&pipeline.ingress, CLIENTS);
    load.is_answered().await?;
    spec["database"]["managed"]["config"] = json!({ "max_allowed_packet": "32M" });
    database_restarts(&pipeline, &spec).await?;
    pipeline.serves().await?;
    load.is_answered().await?;
    let requests = load.stop().await?;
    Request::check(&requests, &pipeline).await?;
    only_the_database_was_down(&requests);
    pipeline.remove().await
}

fn only_the_database_was_down(requests: &[Request]) {
    for request in requests {
        if let Err(error) = &request.answer {
            let said = format!("{error:#}");
            assert!(said.starts_with("503 "), "{}: {said}", request.key);
        }
    }
}

/// Applies the spec, and waits until all pods of producers and consumers have the latest template.
async fn roll_out(pipeline: &Pipeline, spec: &Value) -> Result<()> {
    let deployments = pipeline.api::<Deployment>();
    let generations = async || {
        let all = deployments.list(&ListParams::default()).await?.items;
        anyhow::Ok(all.iter().map(|it| it.metadata.generation).collect::<Vec<_>>())
    };
    let before = generations().await?;
    pipeline.apply(spec.clone()).await?;
    until("new templates", ROLLOUT, async || Ok((generations().await? != before).then_some(()))).await?;
    pipeline.condition("Ready", "True", ROLLOUT).await?;
    until("the end of the old pods", ROLLOUT, async || {
        let all = [pipeline.pods("producer").await?, pipeline.pods("consumer").await?].concat();
        Ok(all.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()).then_some(()))
    })
    .await
}

async fn database_restarts(pipeline: &Pipeline, spec: &Value) -> Result<()> {
    let sets = pipeline.api::<StatefulSet>();
    let before = sets.get("events-mysql").await?.status.and_then(|status| status.update_revision);
    pipeline.apply(spec.clone()).await?;
    until("the restart of the database", ROLLOUT, async || {
        let status = sets.get("events-mysql").await?.status.unwrap_or_default();
        let restarted = status.update_revision != before
            && status.current_revision == status.update_revision
            && status.ready_replicas == Some(1);
        Ok(restarted.then_some(()))
    })
    .await
}

async fn operator_restarts() -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(connect().await?, OPERATOR_NAMESPACE);
    let ours = ListParams::default().labels("app.kubernetes.io/name=eventpipeline-operator");
    let old = pods.list(&ours).await?.items;
    ensure!(!old.is_empty(), "no operator in {OPERATOR_NAMESPACE}");
    for pod in &old {
        pods.delete(&pod.name_any(), &DeleteParams::default()).await.context("the operator's pod")?;
    }
    until("another operator", ROLLOUT, async || {
        let now = pods.list(&ours).await?.items;
        let replaced = now.iter().all(|pod| old.iter().all(|it| it.uid() != pod.uid()));
        Ok((!now.is_empty() && replaced && now.iter().all(Pipeline::is_ready)).then_some(()))
    })
    .await
}
