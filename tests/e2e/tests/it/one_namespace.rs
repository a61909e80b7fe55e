//! An operator that is restricted to one namespace.

use anyhow::{Result, ensure};
use eventpipeline_crds::EventPipeline;
use eventpipeline_e2e::{CHART, OPERATOR_NAMESPACE, Pipeline, RELEASE, helm};
use serde_json::{Value, json};

const WAIT: [&str; 3] = ["--wait", "--timeout", "3m"];

#[tokio::test]
async fn it_runs_the_pipelines_of_its_namespace_only() -> Result<()> {
    let elsewhere = Pipeline::planned_in("unwatched").await?;
    let pipeline = Pipeline::planned_beside("watched").await?;
    let run = one_is_run_and_the_other_is_not(&pipeline, &elsewhere).await;
    // The following tests need an operator for all namespaces, even if this test failed.
    helm(OPERATOR_NAMESPACE, &[&["rollback", RELEASE][..], &WAIT].concat()).await?;
    run?;
    elsewhere.serves().await?;
    ensure!(!pipeline.ingress.create_sync().await?.is_empty(), "an empty answer");
    elsewhere.remove().await?;
    pipeline.remove().await
}

async fn one_is_run_and_the_other_is_not(pipeline: &Pipeline, elsewhere: &Pipeline) -> Result<()> {
    let upgrade = ["upgrade", RELEASE, CHART, "--reuse-values", "--set", "watchNamespaces={e2e-watched}"];
    helm(OPERATOR_NAMESPACE, &[&upgrade[..], &WAIT].concat()).await?;
    elsewhere.apply(small()).await?;
    pipeline.apply(small()).await?;
    pipeline.serves().await?;
    ensure!(!pipeline.ingress.create_sync().await?.is_empty(), "an empty answer");
    let ignored = elsewhere.api::<EventPipeline>().get(Pipeline::NAME).await?;
    let status = ignored.status.unwrap_or_default();
    ensure!(status.observed_generation == Some(-1), "it was reconciled: {status:?}");
    Ok(())
}

/// Both pipelines run at the same time. A machine of two cores has no room for more pods next to those of `make up`.
fn small() -> Value {
    json!({
        "producers": [{ "name": "default", "replicas": 1 }],
        "consumers": [{ "name": "default", "replicas": 1 }],
    })
}
