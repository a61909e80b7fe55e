//! An operator that may work in one namespace only.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use eventpipeline_crds::EventPipeline;
use eventpipeline_e2e::Pipeline;
use serde_json::json;
use tokio::process::Command;

const RELEASE: &str = "eventpipeline";
const RELEASE_NAMESPACE: &str = "eventpipeline-system";

#[tokio::test]
async fn it_runs_the_pipelines_there_and_leaves_the_others_alone() -> Result<()> {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/eventpipeline");
    let only = "watchNamespace=e2e-watched";
    let elsewhere = Pipeline::planned_in("unwatched").await?;
    let pipeline = Pipeline::planned_in("watched").await?;
    helm(&["upgrade", RELEASE, chart, "--reuse-values", "--set", only]).await?;
    let run = one_is_run_and_the_other_is_not(&pipeline, &elsewhere).await;
    // The tests that follow need an operator that looks everywhere, whatever became of this one.
    helm(&["rollback", RELEASE]).await?;
    run?;
    elsewhere.condition("Ready", "True", Duration::from_mins(5)).await?;
    ensure!(!pipeline.ingress.create_sync().await?.is_empty(), "an empty answer");
    elsewhere.remove().await?;
    pipeline.remove().await
}

async fn one_is_run_and_the_other_is_not(pipeline: &Pipeline, elsewhere: &Pipeline) -> Result<()> {
    elsewhere.apply(json!({})).await?;
    pipeline.apply(json!({})).await?;
    pipeline.serves().await?;
    ensure!(!pipeline.ingress.create_sync().await?.is_empty(), "an empty answer");
    let ignored = elsewhere.api::<EventPipeline>().get(Pipeline::NAME).await?;
    ensure!(ignored.status.is_none(), "it was looked at: {:?}", ignored.status);
    Ok(())
}

async fn helm(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("helm");
    command.args(arguments).args(["--namespace", RELEASE_NAMESPACE, "--wait", "--timeout", "3m"]);
    let output = command.stdin(Stdio::null()).output().await.context("helm")?;
    ensure!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
