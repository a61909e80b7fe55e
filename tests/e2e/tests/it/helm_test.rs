//! `helm test` checks a release: its operator, and a pipeline that is a part of it.

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{
    CHART, OPERATOR_NAMESPACE, RELEASE, connect, fresh_namespace, helm, remove_earlier_namespaces,
    remove_namespace,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};

const OPERATOR: &str = "eventpipeline-operator";

/// Returns the operator's image.
async fn image(client: &Client) -> Result<String> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let pod = deployments.get(OPERATOR).await?.spec.and_then(|spec| spec.template.spec);
    let image = pod.and_then(|pod| pod.containers.into_iter().next()?.image);
    image.context("the operator has no image")
}

#[tokio::test]
async fn helm_test_passes_for_a_release_with_a_pipeline() -> Result<()> {
    helm(OPERATOR_NAMESPACE, &["test", RELEASE]).await?;

    let client = connect().await?;
    let namespace = "e2e-helm-test";
    remove_earlier_namespaces(&client).await?;
    fresh_namespace(&client, namespace).await?;
    let image = image(&client).await?;
    let (repository, tag) = image.rsplit_once(':').context("the operator's image has no tag")?;
    // The existing operator runs this pipeline, too.
    let parts = "crds.enabled=false,replicas=0,rbac.create=false,rbac.aggregate=false,service.enabled=false";
    let image = format!("image.repository={repository},image.tag={tag}");
    let install = ["install", "proof", CHART, "--set", parts, "--set-string", &image];
    let pipeline = ["--set", "pipeline.enabled=true,test.timeout=5m"];
    helm(namespace, &[&install[..], &pipeline].concat()).await?;
    helm(namespace, &["test", "proof", "--timeout", "6m"]).await?;
    remove_namespace(&client, namespace).await
}
