//! Changes under load: new pods of every kind, new passwords, a database that restarts.

use std::time::Duration;

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{Load, Pipeline, Request, connect, until};
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
async fn nothing_that_changes_loses_an_event() -> Result<()> {
    let pipeline = Pipeline::start("rollouts").await?;
    let mut spec = json!({});

    let load = Load::start(&pipeline.ingress, CLIENTS);
    load.is_answered().await?;
    for (group, deployment) in
        [("producers", "events-producer-default"), ("consumers", "events-consumer-default")]
    {
        spec[group] = json!([{ "name": "default", "env": [{ "name": "ROUND", "value": "2" }] }]);
        rolled_out(&pipeline, deployment, &spec).await?;
        load.is_answered().await?;
    }
    operator_restarts().await?;
    spec["database"] = json!({ "managed": { "passwordGeneration": 2 } });
    for deployment in ["events-producer-default", "events-consumer-default"] {
        rolled_out(&pipeline, deployment, &spec).await?;
    }
    pipeline.serves().await?;
    load.is_answered().await?;
    let requests = load.stop().await?;
    let failed: Vec<&Request> = requests.iter().filter(|request| request.answer.is_err()).collect();
    assert!(failed.is_empty(), "{} of {} requests failed: {failed:#?}", failed.len(), requests.len());
    handled_once(&pipeline, &Request::judge(&requests, &pipeline).await?).await?;

    let load = Load::start(&pipeline.ingress, CLIENTS);
    load.is_answered().await?;
    spec["database"]["managed"]["config"] = json!({ "max_allowed_packet": "32M" });
    database_restarts(&pipeline, &spec).await?;
    pipeline.serves().await?;
    load.is_answered().await?;
    let requests = load.stop().await?;
    Request::judge(&requests, &pipeline).await?;
    only_the_database_was_away(&requests);
    pipeline.remove().await
}

async fn handled_once(pipeline: &Pipeline, ids: &[i64]) -> Result<()> {
    for id in ids {
        let event = pipeline.ingress.event(*id).await?;
        assert_eq!(event["attempts"], 1, "{event}");
    }
    Ok(())
}

fn only_the_database_was_away(requests: &[Request]) {
    for request in requests {
        if let Err(error) = &request.answer {
            let said = format!("{error:#}");
            assert!(said.starts_with("503 "), "{}: {said}", request.key);
        }
    }
}

/// Applies the spec, and waits until each pod of the Deployment is one of its new template.
async fn rolled_out(pipeline: &Pipeline, name: &str, spec: &Value) -> Result<()> {
    let deployments = pipeline.api::<Deployment>();
    let before = deployments.get(name).await?.metadata.generation;
    pipeline.apply(spec.clone()).await?;
    until(&format!("the rollout of {name}"), ROLLOUT, async || {
        let deployment = deployments.get(name).await?;
        let status = deployment.status.unwrap_or_default();
        let wanted = deployment.spec.and_then(|spec| spec.replicas);
        let rolled_out = deployment.metadata.generation > before
            && status.observed_generation == deployment.metadata.generation
            && [status.replicas, status.updated_replicas, status.available_replicas] == [wanted; 3]
            && status.terminating_replicas.unwrap_or(0) == 0;
        Ok(rolled_out.then_some(()))
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
    let pods: Api<Pod> = Api::namespaced(connect().await?, "eventpipeline-system");
    let ours = ListParams::default().labels("app.kubernetes.io/name=eventpipeline");
    let old = pods.list(&ours).await?.items;
    for pod in &old {
        pods.delete(&pod.name_any(), &DeleteParams::default()).await.context("the operator's pod")?;
    }
    until("another operator", ROLLOUT, async || {
        let now = pods.list(&ours).await?.items;
        let anew = now.iter().all(|pod| old.iter().all(|it| it.uid() != pod.uid()));
        Ok((!now.is_empty() && anew && now.iter().all(Pipeline::is_ready)).then_some(()))
    })
    .await
}
