//! `helm test` proves a release: its operator, and a pipeline that is a part of it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use eventpipeline_e2e::{connect, fresh_namespace, remove_namespace};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};

/// Where `dev/install.sh` has installed the operator, and as what.
const NAMESPACE: &str = "eventpipeline-system";
const OPERATOR: &str = "eventpipeline-operator";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/eventpipeline");

fn helm(arguments: &[&str]) -> Result<()> {
    let output = Command::new("helm").args(arguments).output().context("failed to run helm")?;
    ensure!(output.status.success(), "helm {arguments:?}: {output:?}");
    Ok(())
}

/// The image that the operator runs.
async fn image(client: &Client) -> Result<String> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let pod = deployments.get(OPERATOR).await?.spec.and_then(|spec| spec.template.spec);
    let image = pod.and_then(|pod| pod.containers.into_iter().next()?.image);
    image.context("the operator has no image")
}

#[tokio::test]
async fn a_release_and_its_pipeline_prove_themselves() -> Result<()> {
    helm(&["test", "eventpipeline", "--namespace", NAMESPACE])?;

    let client = connect().await?;
    let namespace = "e2e-helm-test";
    fresh_namespace(&client, namespace).await?;
    let image = image(&client).await?;
    let (repository, tag) = image.rsplit_once(':').context("the operator's image has no tag")?;
    // The operator that is there already runs this pipeline, too.
    let parts = "crds.enabled=false,replicas=0,rbac.create=false,rbac.aggregate=false,service.enabled=false";
    let image = format!("image.repository={repository},image.tag={tag}");
    let install =
        ["install", "proof", CHART, "--namespace", namespace, "--set", parts, "--set-string", &image];
    let pipeline = [
        "--set",
        "pipeline.enabled=true,test.timeout=5m",
        "--set-json",
        r#"pipeline.spec={"route":{"none":{}}}"#,
    ];
    helm(&[&install[..], &pipeline].concat())?;
    helm(&["test", "proof", "--namespace", namespace, "--timeout", "6m"])?;
    remove_namespace(&client, namespace).await
}
